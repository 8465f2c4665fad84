import ByteKit
import PostgresWire

/// Parse, Bind, Describe, Execute, Close.
extension ModelServer {
    func extended(_ tag: UInt8, _ body: [UInt8]) throws(ModelError) {
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

    func parse(_ body: [UInt8]) throws(ModelError) {
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

    func lookUp(_ name: String) throws(ModelError) -> (ModelStatement?, String) {
        guard let sql = name.isEmpty ? unnamed : prepared[name] else {
            throw name.isEmpty
                ? ModelError(sqlstate: "26000", message: "unnamed prepared statement does not exist")
                : Self.missing(name)
        }
        return (try ModelStatement.split(sql).first?.0, sql)
    }

    func bind(_ body: [UInt8]) throws(ModelError) {
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

    func describe(_ body: [UInt8]) throws(ModelError) {
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

    func columns(_ statement: ModelStatement) throws(ModelError) -> String? {
        guard case .execute(let name) = statement else { return statement.column }
        return try lookUp(name).0?.column
    }

    func executePortal(_ body: [UInt8]) throws(ModelError) {
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
}
