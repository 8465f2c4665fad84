import ByteKit
import MySQLWire

/// A MariaDB server session small enough to be right: speaks the wire format, keeps transactions, variables, prepared
/// statements, temporary tables, locks, messages and numbers as MariaDB 10.11 does (what each command leaves was looked up
/// there). What it answers depends on the bytes it got and on nothing else, kills apart.
final class MySQLModel {
    struct Prepared {
        let text: String
        let parameters: Int
        var hasTypes = false
    }

    /// What MariaDB offers.
    static let capabilities: MySQLCapabilities = [
        .foundRows, .longFlag, .connectWithDatabase, .protocol41, .transactions, .secureConnection, .multiStatements,
        .multiResults, .preparedMultiResults, .pluginAuth, .connectAttributes, .pluginAuthLengthEncoded, .sessionTrack,
        .deprecateEOF, .mariadbBulk,
    ]

    private let capabilities: MySQLCapabilities
    var session: MySQLModelSession
    private(set) var prepared: [UInt32: Prepared] = [:]
    private var lastStatement: UInt32
    private var takesSeveral: Bool
    private var input: [UInt8] = []
    private var out = ByteWriter(capacity: 256)
    private var sequence: UInt8 = 1
    /// Sleeps are over at once.
    private let isPrivate: Bool
    private(set) var isAsleep = false
    private var hasSlept = false
    /// The sleep was ended.
    private(set) var wasKilled = false
    /// A KILL QUERY that came while nothing ran.
    private var killIsPending = false
    private(set) var violations: [String] = []

    // MARK: The statement that runs

    /// The value of its parameter.
    private(set) var parameter: String?
    /// What an OK packet says of `LAST_INSERT_ID()`.
    var toldID: UInt64 = 0
    /// Messages of this statement only.
    private var warnings: UInt16 = 0
    /// Variables and whatever else is told.
    private var changes: [(name: String, value: String)] = []
    private var schemaChanged = false
    private var stateChanged = false
    private var isBinary = false
    private var goesOn = false

    init(
        _ capabilities: MySQLCapabilities, schema: String, charset: String, firstStatement: UInt32,
        isPrivate: Bool = false
    ) {
        self.capabilities = capabilities
        self.isPrivate = isPrivate
        takesSeveral = capabilities.contains(.multiStatements)
        lastStatement = firstStatement
        session = MySQLModelSession(schema: schema, charset: charset)
    }

    /// What it answers to `bytes`.
    func receive(_ bytes: [UInt8]) -> [UInt8] {
        input += bytes
        return proceed()
    }

    /// The sleep is over.
    func wake() -> [UInt8] {
        isAsleep = false
        hasSlept = true
        return proceed()
    }

    /// KILL QUERY.
    func kill() -> [UInt8] {
        guard isAsleep else {
            killIsPending = true
            return []
        }
        wasKilled = true
        return wake()
    }

    private func proceed() -> [UInt8] {
        while !isAsleep, input.count >= 4 {
            let length = Int(input[0]) | Int(input[1]) << 8 | Int(input[2]) << 16
            guard input.count >= 4 + length else { break }
            if input[3] != 0 { violations.append("packet \(input[3])") }
            if !command(Array(input[4..<(4 + length)])) { break }
            input.removeFirst(4 + length)
        }
        return out.take()
    }

    // MARK: Commands

    /// One command; false if it is not done with because a sleep began.
    private func command(_ payload: [UInt8]) -> Bool {
        guard let first = payload.first, let command = MySQLCommand(rawValue: first) else {
            violations.append("no command")
            return true
        }
        let body = Array(payload.dropFirst())
        let text = String(decoding: body, as: UTF8.self)
        let id = body.count >= 4 ? body.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) } : 0
        let said = command == .query ? text : command == .execute ? prepared[id]?.text ?? "" : ""
        if said.contains("SLEEP"), !hasSlept, !isPrivate, !killIsPending {
            isAsleep = true
            return false
        }
        begin()
        isBinary = command == .execute
        do throws(MySQLError) {
            if killIsPending, command == .query || command == .execute {
                killIsPending = false
                throw MySQLError(1317, "70100", "Query execution was interrupted")
            }
            switch command {
            case .query: try query(text)
            case .ping: ok()
            case .initDatabase:
                try use(text)
                ok()
            case .setOption:
                takesSeveral = body.first == 0
                endOfRows()
            case .resetConnection:
                session = session.fresh
                prepared = [:]
                ok()
            case .prepare: try prepare(text)
            case .execute: try execute(id, body)
            case .closeStatement:
                if prepared.removeValue(forKey: id) == nil { violations.append("closes what it has not") }
            case .resetStatement:
                guard prepared[id] != nil else { throw .unknownStatement(id, in: "mysqld_stmt_reset") }
                ok()
            default: violations.append("\(command)")
            }
        } catch {
            fail(error)
        }
        hasSlept = false
        wasKilled = false
        return true
    }

    private func begin() {
        sequence = 1
        goesOn = false
        beginStatement()
    }

    private func beginStatement() {
        parameter = nil
        toldID = 0
        warnings = 0
        changes = []
        schemaChanged = false
        stateChanged = false
    }

    private func query(_ text: String) throws(MySQLError) {
        let all = MySQLModelText.split(text)
        if all.isEmpty { throw MySQLError(1065, "42000", "Query was empty") }
        if all.count > 1, !takesSeveral { throw syntax(MySQLModelText(text)) }
        for (index, statement) in all.enumerated() {
            beginStatement()
            goesOn = index + 1 < all.count
            try run(statement, runs: true)
        }
    }

    private func prepare(_ text: String) throws(MySQLError) {
        lastStatement += 1
        let columns = try run(text, runs: false)
        let count = text.filter { $0 == "?" }.count
        prepared[lastStatement] = Prepared(text: text, parameters: count)
        packet { [lastStatement, capabilities] out in
            PrepareReply(statement: lastStatement, columns: UInt16(columns.count), parameters: UInt16(count))
                .write(to: &out, capabilities)
        }
        for names in [Array(repeating: "?", count: count), columns] where !names.isEmpty {
            for name in names { definition(name) }
            if !capabilities.contains(.deprecateEOF) { endOfDefinitions() }
        }
    }

    private func execute(_ id: UInt32, _ body: [UInt8]) throws(MySQLError) {
        guard var statement = prepared[id] else { throw .unknownStatement(id, in: "mysqld_stmt_execute") }
        if statement.parameters == 1 {
            // Behind id, flags and count: NULLs, whether types follow, types, the value.
            let isBound = body[10] == 1
            statement.hasTypes = statement.hasTypes || isBound
            prepared[id] = statement
            if !statement.hasTypes { violations.append("an execution without types") }
            if isBound && body[11] != MySQLType.varString { violations.append("a parameter of type \(body[11])") }
            let start = isBound ? 13 : 11
            parameter = body[9] & 1 == 1 ? nil : String(decoding: body[(start + 1)...], as: UTF8.self)
        }
        try run(statement.text, runs: true)
    }

    // MARK: What statements leave

    func usesTables() { session.conditions = [] }

    private func raise(_ level: String, _ code: UInt16, _ message: String) {
        if warnings == 0 { session.conditions = [] }
        warnings += 1
        session.conditions.append(MySQLModelSession.Condition(level: level, code: code, message: message))
    }

    func warn(_ code: UInt16, _ message: String, level: String = "Warning") { raise(level, code, message) }

    /// A variable was set in a way that is told of.
    func changed(_ name: String) {
        let usual = ["autocommit", "time_zone", "character_set_client", "character_set_connection"]
        let isTold = session.tracksAll || usual.contains(name) || name == "character_set_results"
        if isTold { changes.append((name, session.told(name))) }
        stateChanged = true
    }

    func changedState() { stateChanged = true }

    func use(_ name: String) throws(MySQLError) {
        guard name == "db0" || name == "db1" else { throw MySQLError(1049, "42000", "Unknown database '\(name)'") }
        session.schema = name
        schemaChanged = true
        stateChanged = true
    }

    // MARK: Replies

    private func packet(_ body: (inout ByteWriter) -> Void) {
        let mark = out.beginPacket(sequence)
        body(&out)
        sequence = out.endPacket(mark)
    }

    private var status: MySQLStatus {
        var status: MySQLStatus = session.isAutocommit ? .autocommit : []
        if session.isInTransaction { status.insert(.inTransaction) }
        if goesOn { status.insert(.moreResults) }
        return status
    }

    /// OK, or what stands for it at the end of rows.
    private func finish(_ affected: UInt64, _ info: String, asEOF: Bool) {
        var tail = ByteWriter()
        for (name, value) in changes {
            let pair = ByteWriter.pair(name, value)
            tail.u8(0)
            tail.lengthEncoded(pair)
        }
        if schemaChanged {
            tail.u8(1)
            tail.lengthEncoded(ByteWriter.counted(session.schema))
        }
        if session.tracksState, stateChanged { for byte: UInt8 in [2, 1, 0x31] { tail.u8(byte) } }
        let state = tail.take()
        let source = Array(info.utf8) + state
        var flags = status
        if !state.isEmpty { flags.insert(.sessionStateChanged) }
        let ok = OKPacket(
            affectedRows: affected, lastInsertID: toldID, status: flags, warnings: warnings,
            info: 0..<info.utf8.count, sessionState: info.utf8.count..<source.count)
        source.withSpan { source in
            packet { [capabilities] in $0.write(ok, capabilities, source, asEOF) }
        }
    }

    func ok(_ affected: Int64 = 0, info: String = "") {
        session.rowCount = affected
        finish(UInt64(affected), info, asEOF: false)
    }

    private func endOfRows() {
        session.rowCount = -1
        if capabilities.contains(.deprecateEOF) {
            toldID = 0
            return finish(0, "", asEOF: true)
        }
        packet { [warnings, status] in EOFPacket(warnings: warnings, status: status).write(to: &$0) }
    }

    private func endOfDefinitions() {
        packet { [status] in EOFPacket(status: status).write(to: &$0) }
    }

    func fail(_ error: MySQLError) {
        raise("Error", error.code, error.message)
        session.rowCount = -1
        packet { error.write(to: &$0) }
    }

    private func definition(_ name: String) {
        packet { out in
            for text in ["def", "", "", "", name, ""] { out.lengthEncoded(Array(text.utf8)) }
            out.lengthEncoded(12)
            out.le16(45)
            out.le32(255)
            out.u8(MySQLType.varString)
            out.le16(0)
            out.u8(0)
            out.le16(0)
        }
    }

    /// A result set.
    func result(_ columns: [String], _ rows: [[String?]], countsRows: Bool = true) {
        packet { $0.lengthEncoded(UInt64(columns.count)) }
        for column in columns { definition(column) }
        if !capabilities.contains(.deprecateEOF) { endOfDefinitions() }
        for row in rows { packet { [isBinary] in $0.row(row, isBinary: isBinary) } }
        if countsRows { session.foundRows = rows.count }
        endOfRows()
    }
}

extension ByteWriter {
    fileprivate static func counted(_ text: String) -> [UInt8] {
        var out = ByteWriter()
        out.lengthEncoded(Array(text.utf8))
        return out.take()
    }

    fileprivate static func pair(_ name: String, _ value: String) -> [UInt8] { counted(name) + counted(value) }

    fileprivate mutating func write(
        _ packet: OKPacket, _ capabilities: MySQLCapabilities, _ source: RawSpan, _ asEOF: Bool
    ) {
        packet.write(to: &self, capabilities, source: source, asEOF: asEOF)
    }

    fileprivate mutating func row(_ row: [String?], isBinary: Bool) {
        if isBinary {
            u8(0)
            var bits = [UInt8](repeating: 0, count: (row.count + 9) / 8)
            for (index, value) in row.enumerated() where value == nil {
                bits[(index + 2) / 8] |= 1 << ((index + 2) % 8)
            }
            raw(bits)
        }
        for value in row {
            if let value {
                lengthEncoded(Array(value.utf8))
            } else if !isBinary {
                u8(0xFB)
            }
        }
    }
}
