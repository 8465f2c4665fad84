import ByteKit
import PostgresWire

/// A PostgreSQL server session small enough to be right: speaks the wire format, keeps transactions, settings, prepared
/// statements, portals, temporary tables, locks and COPY as PostgreSQL 15 does. What it answers depends on the bytes it
/// got and on nothing else, cancels apart.
final class ModelServer {
    struct Portal {
        let statement: ModelStatement?
        let text: String
        let parameter: String?
        var sent = 0
    }
    private enum CopyTarget {
        case simple(rest: ArraySlice<(ModelStatement, String)>, isMulti: Bool)
        case extended
    }

    var session: ModelSession
    var prepared: [String: String] = [:]
    private var unnamed: String?
    private var portals: [String: Portal] = [:]
    private var input: [UInt8] = []
    private var skipping = false
    private var copy: CopyTarget?
    private var copied = 0
    private var reported: String
    var out = ByteWriter(capacity: 256)
    /// `pg_sleep` runs: nothing is read until `wake` or `cancel`.
    private(set) var isAsleep = false
    private var hasSlept = false
    private var isCancelled = false
    /// Sleeps are over at once.
    private let isPrivate: Bool
    private(set) var violations: [String] = []

    init(startup: [String: String] = [:], isPrivate: Bool = false) {
        session = ModelSession(startup: startup)
        self.isPrivate = isPrivate
        reported = session["application_name"]
    }

    /// What it answers to `bytes`.
    func receive(_ bytes: [UInt8]) -> [UInt8] {
        input += bytes
        return proceed()
    }

    /// The sleep is over.
    func wake() -> [UInt8] {
        guard isAsleep else { return [] }
        isAsleep = false
        hasSlept = true
        return proceed()
    }

    /// A CancelRequest arrived.
    func cancel() -> [UInt8] {
        guard isAsleep else { return [] }
        isCancelled = true
        return wake()
    }

    private func proceed() -> [UInt8] {
        var position = 0
        while !isAsleep, input.count - position >= 5 {
            let length = input[(position + 1)..<(position + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard input.count - position > length else { break }
            let body = Array(input[(position + 5)..<(position + 1 + length)])
            if !message(input[position], body) { break }
            position += 1 + length
        }
        input.removeFirst(position)
        return out.take()
    }

    /// One message; false if it is not done with because a sleep began.
    private func message(_ tag: UInt8, _ body: [UInt8]) -> Bool {
        if copy != nil {
            copyMessage(tag, body)
            return true
        }
        if skipping && tag != FrontendTag.sync { return true }
        if sleeps(tag, body) && !hasSlept && !isPrivate {
            isAsleep = true
            return false
        }
        switch tag {
        case FrontendTag.query: query(text(body, 0).0)
        case FrontendTag.sync: sync()
        case FrontendTag.flush, FrontendTag.copyData, FrontendTag.copyDone, FrontendTag.copyFail: break
        case FrontendTag.parse, FrontendTag.bind, FrontendTag.describe, FrontendTag.execute, FrontendTag.close:
            do throws(ModelError) {
                try extended(tag, body)
            } catch {
                fail(error)
                skipping = true
            }
        default: violations.append("message type \(tag)")
        }
        hasSlept = false
        isCancelled = false
        return true
    }

    private func sleeps(_ tag: UInt8, _ body: [UInt8]) -> Bool {
        if session.isFailed { return false }
        if tag == FrontendTag.query { return text(body, 0).0.contains("pg_sleep") }
        if tag == FrontendTag.execute { return portals[text(body, 0).0]?.statement == .sleep }
        return false
    }

    private func text(_ body: [UInt8], _ start: Int) -> (String, Int) {
        let end = body[start...].firstIndex(of: 0) ?? body.count
        return (String(decoding: body[start..<end], as: UTF8.self), end + 1)
    }

    private func sync() {
        skipping = false
        if !session.isInBlock { finish() }
        ready()
    }

    private func ready() {
        if session["application_name"] != reported {
            reported = session["application_name"]
            out.parameterStatus("application_name", reported)
        }
        let mark = out.begin(BackendTag.readyForQuery)
        out.u8(session.status)
        out.end(mark)
    }

    private func finish() {
        session.commit()
        portals = [:]
    }

    private func fail(_ error: ModelError) {
        PostgresError(.error, error.sqlstate, error.message).write(to: &out)
        session.fail()
        if !session.isInBlock { portals = [:] }
    }

    // MARK: Simple

    private func query(_ text: String) {
        unnamed = nil
        do throws(ModelError) {
            let statements = try ModelStatement.split(text)
            if statements.isEmpty {
                out.bare(BackendTag.emptyQueryResponse)
                if !session.isInBlock { finish() }
                return ready()
            }
            try run(statements[...], isMulti: statements.count > 1)
        } catch {
            fail(error)
            ready()
        }
    }

    private func run(_ all: ArraySlice<(ModelStatement, String)>, isMulti: Bool) throws(ModelError) {
        var rest = all
        while let (statement, _) = rest.first {
            rest = rest.dropFirst()
            try check(statement)
            session.willRun()
            if statement == .copyIn {
                copyInResponse()
                copy = .simple(rest: rest, isMulti: isMulti)
                return
            }
            if let column = statement.column { rowDescription([column]) }
            let rows = try execute(statement, parameter: nil, isMulti: isMulti)
            for row in rows ?? [] { dataRow(row) }
            complete(statement, rows?.count)
        }
        if !session.isInBlock { finish() }
        ready()
    }

    private func check(_ statement: ModelStatement) throws(ModelError) {
        if session.isFailed && !statement.endsTransaction {
            throw ModelError(
                sqlstate: "25P02",
                message: "current transaction is aborted, commands ignored until end of transaction block")
        }
        if statement == .unknownColumn {
            throw ModelError(sqlstate: "42703", message: "column \"nope\" does not exist")
        }
    }

    // MARK: Extended

    private func extended(_ tag: UInt8, _ body: [UInt8]) throws(ModelError) {
        session.willRun()
        switch tag {
        case FrontendTag.parse: try parse(body)
        case FrontendTag.bind: try bind(body)
        case FrontendTag.describe: try describe(body)
        case FrontendTag.execute: try executePortal(body)
        default:
            let name = text(body, 1).0
            if body[0] == 0x50 {
                portals[name] = nil
            } else if name.isEmpty {
                unnamed = nil
            } else {
                prepared[name] = nil
            }
            out.bare(BackendTag.closeComplete)
        }
    }

    private func parse(_ body: [UInt8]) throws(ModelError) {
        let (name, next) = text(body, 0)
        let sql = text(body, next).0
        if name.isEmpty { unnamed = nil }
        let statements = try ModelStatement.split(sql)
        if statements.count > 1 {
            throw ModelError(
                sqlstate: "42601", message: "cannot insert multiple commands into a prepared statement")
        }
        if let (statement, _) = statements.first { try check(statement) }
        if !name.isEmpty && prepared[name] != nil { throw Self.exists(name) }
        if name.isEmpty { unnamed = sql } else { prepared[name] = sql }
        out.bare(BackendTag.parseComplete)
    }

    private func lookUp(_ name: String) throws(ModelError) -> (ModelStatement?, String) {
        guard let sql = name.isEmpty ? unnamed : prepared[name] else {
            throw name.isEmpty
                ? ModelError(sqlstate: "26000", message: "unnamed prepared statement does not exist")
                : Self.missing(name)
        }
        return (try ModelStatement.split(sql).first?.0, sql)
    }

    private func bind(_ body: [UInt8]) throws(ModelError) {
        let (portal, next) = text(body, 0)
        let (name, formats) = text(body, next)
        let (statement, sql) = try lookUp(name)
        if session.isFailed && statement?.endsTransaction != true {
            throw ModelError(
                sqlstate: "25P02",
                message: "current transaction is aborted, commands ignored until end of transaction block")
        }
        let parameters = Int(body[formats + 2]) << 8 | Int(body[formats + 3])
        let wanted = statement == .parameter ? 1 : 0
        if parameters != wanted {
            throw ModelError(
                sqlstate: "08P01",
                message:
                    "bind message supplies \(parameters) parameters, but prepared statement \"\(name)\" requires \(wanted)"
            )
        }
        if !portal.isEmpty && portals[portal] != nil {
            throw ModelError(sqlstate: "42P03", message: "cursor \"\(portal)\" already exists")
        }
        var parameter: String?
        if parameters == 1 {
            let start = formats + 8
            let length = body[(formats + 4)..<start].reduce(0) { $0 << 8 | Int($1) }
            parameter = String(decoding: body[start..<(start + length)], as: UTF8.self)
        }
        portals[portal] = Portal(statement: statement, text: sql, parameter: parameter)
        out.bare(BackendTag.bindComplete)
    }

    private func describe(_ body: [UInt8]) throws(ModelError) {
        let name = text(body, 1).0
        let statement: ModelStatement?
        if body[0] == 0x53 {
            statement = try lookUp(name).0
        } else {
            guard let portal = portals[name] else { throw Self.noPortal(name) }
            statement = portal.statement
        }
        let column = try statement.flatMap { statement throws(ModelError) in try columns(statement) }
        if session.isFailed && column != nil {
            throw ModelError(
                sqlstate: "25P02",
                message: "current transaction is aborted, commands ignored until end of transaction block")
        }
        if body[0] == 0x53 {
            let mark = out.begin(BackendTag.parameterDescription)
            out.i16(statement == .parameter ? 1 : 0)
            if statement == .parameter { out.u32(25) }
            out.end(mark)
        }
        if let column { rowDescription([column]) } else { out.bare(BackendTag.noData) }
    }

    private func columns(_ statement: ModelStatement) throws(ModelError) -> String? {
        guard case .execute(let name) = statement else { return statement.column }
        return try lookUp(name).0?.column
    }

    private func executePortal(_ body: [UInt8]) throws(ModelError) {
        let (name, next) = text(body, 0)
        let limit = body[next..<(next + 4)].reduce(0) { $0 << 8 | Int($1) }
        guard var portal = portals[name] else { throw Self.noPortal(name) }
        guard let statement = portal.statement else { return out.bare(BackendTag.emptyQueryResponse) }
        try check(statement)
        if statement == .copyIn {
            copyInResponse()
            copy = .extended
            return
        }
        let all = try execute(statement, parameter: portal.parameter, isMulti: false)
        guard case .series = statement, let all else {
            for row in all ?? [] { dataRow(row) }
            complete(statement, all?.count)
            return
        }
        let rows = all.dropFirst(portal.sent)
        let sent = limit > 0 ? rows.prefix(limit) : rows
        for row in sent { dataRow(row) }
        portal.sent += sent.count
        portals[name] = portal
        if limit > 0 && sent.count == limit {
            out.bare(BackendTag.portalSuspended)
        } else {
            complete(statement, sent.count)
        }
    }

    // MARK: COPY

    private func copyInResponse() {
        copied = 0
        let mark = out.begin(BackendTag.copyInResponse)
        for byte: UInt8 in [0, 0, 1, 0, 0] { out.u8(byte) }
        out.end(mark)
    }

    private func copyMessage(_ tag: UInt8, _ body: [UInt8]) {
        guard let target = copy else { return }
        switch tag {
        case FrontendTag.copyData: copied += body.count
        case FrontendTag.flush, FrontendTag.sync: break
        case FrontendTag.copyDone:
            copy = nil
            out.commandComplete("COPY \(copied)")
            if case .simple(let rest, let isMulti) = target {
                do throws(ModelError) {
                    try run(rest, isMulti: isMulti)
                } catch {
                    fail(error)
                    ready()
                }
            }
        default:
            copy = nil
            let why = tag == FrontendTag.copyFail ? "COPY from stdin failed: \(text(body, 0).0)" : "unexpected message"
            fail(ModelError(sqlstate: "57014", message: why))
            if case .simple = target { ready() } else { skipping = true }
        }
    }

    // MARK: Statements

    /// Runs it; its rows if it returns any.
    private func execute(
        _ statement: ModelStatement, parameter: String?, isMulti: Bool
    ) throws(ModelError) -> [[String?]]? {
        switch statement {
        case .literal(let value): return [[value]]
        case .parameter: return [[parameter]]
        case .series(let count): return (1...max(1, count)).map { ["\($0)"] }
        case .divideByZero: throw ModelError(sqlstate: "22012", message: "division by zero")
        case .sleep:
            if isCancelled {
                throw ModelError(sqlstate: "57014", message: "canceling statement due to user request")
            }
            return [[""]]
        case .lock:
            session.locks += 1
            return [[""]]
        case .unlock:
            let held = session.locks > 0
            session.locks = max(0, session.locks - 1)
            return [[held ? "t" : "f"]]
        case .setConfig(let name, let value):
            try setting(name, value, isLocal: false)
            return [[value]]
        case .probe:
            return [[session.now.tables.isEmpty ? "f" : "t", session.locks > 0 ? "t" : "f", "f"]]
        case .sessionSettings:
            return session.now.settings.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        case .unknownColumn: throw ModelError(sqlstate: "42703", message: "column \"nope\" does not exist")
        case .show(let name): return [[session[name]]]
        case .set(let name, let value, let isLocal): try setting(name, value, isLocal: isLocal)
        case .reset(let name): session.reset(name)
        case .resetAll: session.resetAll()
        case .discardAll:
            if session.isInBlock || isMulti {
                throw ModelError(sqlstate: "25001", message: "DISCARD ALL cannot run inside a transaction block")
            }
            session.resetAll()
            session.dropAll()
            session.locks = 0
            prepared = [:]
            unnamed = nil
            portals = [:]
        case .begin:
            if session.isInBlock { warning("25001", "there is already a transaction in progress") }
            session.begin()
        case .commit:
            if !session.isInBlock { warning("25P01", "there is no transaction in progress") }
            if session.isFailed {
                endedAs = "ROLLBACK"
                session.rollback()
                portals = [:]
            } else if session.isInBlock || isMulti {
                finish()
            }
        case .rollback:
            if !session.isInBlock { warning("25P01", "there is no transaction in progress") }
            session.rollback()
            portals = [:]
        case .savepoint(let name):
            try needBlock("SAVEPOINT")
            session.savepoint(name)
        case .rollbackTo(let name):
            try needBlock("ROLLBACK TO SAVEPOINT")
            if !session.rollback(to: name) { throw Self.noSavepoint(name) }
        case .release(let name):
            try needBlock("RELEASE SAVEPOINT")
            if !session.release(name) { throw Self.noSavepoint(name) }
        case .createTemp(let name):
            if !session.create(name) {
                throw ModelError(sqlstate: "42P07", message: "relation \"\(name)\" already exists")
            }
        case .drop(let name):
            if !session.drop(name) { throw ModelError(sqlstate: "42P01", message: "table \"\(name)\" does not exist") }
        case .copyIn: break
        case .copyOut:
            var mark = out.begin(BackendTag.copyOutResponse)
            for byte: UInt8 in [0, 0, 1, 0, 0] { out.u8(byte) }
            out.end(mark)
            for row in ["one\n", "two\n"] {
                mark = out.begin(BackendTag.copyData)
                out.text(row)
                out.end(mark)
            }
            out.bare(BackendTag.copyDone)
        case .prepare(let name, let body):
            if prepared[name] != nil { throw Self.exists(name) }
            prepared[name] = body
        case .execute(let name):
            guard let inner = try lookUp(name).0 else { return nil }
            try check(inner)
            if let column = inner.column { rowDescription([column]) }
            return try execute(inner, parameter: nil, isMulti: isMulti)
        case .deallocate(let name):
            if prepared.removeValue(forKey: name) == nil { throw Self.missing(name) }
        case .deallocateAll: prepared = [:]
        }
        return nil
    }

    private var endedAs: String?

    private func setting(_ name: String, _ value: String, isLocal: Bool) throws(ModelError) {
        if value == "bad" {
            throw ModelError(sqlstate: "22023", message: "invalid value for parameter \"\(name)\": \"bad\"")
        }
        if isLocal && !session.isInBlock {
            warning("25P01", "SET LOCAL can only be used in transaction blocks")
        }
        session.set(name, value, isLocal: isLocal)
    }

    private func needBlock(_ what: String) throws(ModelError) {
        if !session.isInBlock {
            throw ModelError(sqlstate: "25P01", message: "\(what) can only be used in transaction blocks")
        }
    }

    private static func exists(_ name: String) -> ModelError {
        ModelError(sqlstate: "42P05", message: "prepared statement \"\(name)\" already exists")
    }
    private static func missing(_ name: String) -> ModelError {
        ModelError(sqlstate: "26000", message: "prepared statement \"\(name)\" does not exist")
    }
    private static func noPortal(_ name: String) -> ModelError {
        ModelError(sqlstate: "34000", message: "portal \"\(name)\" does not exist")
    }
    private static func noSavepoint(_ name: String) -> ModelError {
        ModelError(sqlstate: "3B001", message: "savepoint \"\(name)\" does not exist")
    }

    // MARK: Replies

    private func warning(_ sqlstate: String, _ message: String) {
        PostgresError(.warning, sqlstate, message).write(to: &out)
    }

    private func rowDescription(_ columns: [String]) {
        let mark = out.begin(BackendTag.rowDescription)
        out.i16(Int16(columns.count))
        for column in columns {
            out.cString(column)
            out.u32(0)
            out.i16(0)
            out.u32(25)
            out.i16(-1)
            out.i32(-1)
            out.i16(0)
        }
        out.end(mark)
    }

    private func dataRow(_ row: [String?]) {
        let mark = out.begin(BackendTag.dataRow)
        out.i16(Int16(row.count))
        for value in row {
            guard let value else {
                out.i32(-1)
                continue
            }
            out.u32(UInt32(value.utf8.count))
            out.text(value)
        }
        out.end(mark)
    }

    private func complete(_ statement: ModelStatement, _ rows: Int?) {
        if let endedAs {
            self.endedAs = nil
            return out.commandComplete(endedAs)
        }
        switch statement {
        case .literal, .parameter, .series, .divideByZero, .sleep, .lock, .unlock, .setConfig, .probe,
            .sessionSettings, .unknownColumn:
            out.commandComplete("SELECT \(rows ?? 0)")
        case .show: out.commandComplete("SHOW")
        case .set: out.commandComplete("SET")
        case .reset, .resetAll: out.commandComplete("RESET")
        case .discardAll: out.commandComplete("DISCARD ALL")
        case .begin: out.commandComplete("BEGIN")
        case .commit: out.commandComplete("COMMIT")
        case .rollback, .rollbackTo: out.commandComplete("ROLLBACK")
        case .savepoint: out.commandComplete("SAVEPOINT")
        case .release: out.commandComplete("RELEASE")
        case .createTemp: out.commandComplete("CREATE TABLE")
        case .drop: out.commandComplete("DROP TABLE")
        case .copyIn: break
        case .copyOut: out.commandComplete("COPY 2")
        case .prepare: out.commandComplete("PREPARE")
        case .execute: out.commandComplete("SELECT \(rows ?? 0)")
        case .deallocate: out.commandComplete("DEALLOCATE")
        case .deallocateAll: out.commandComplete("DEALLOCATE ALL")
        }
    }
}
