import ByteKit
import PostgresWire

/// Simple Query: one after the other until one fails.
extension ModelServer {
    func query(_ text: String) {
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

    func run(_ all: ArraySlice<(ModelStatement, String)>, isMulti: Bool) throws(ModelError) {
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

    func check(_ statement: ModelStatement) throws(ModelError) {
        if session.isFailed && !statement.endsTransaction {
            throw ModelError(
                sqlstate: "25P02",
                message: "current transaction is aborted, commands ignored until end of transaction block")
        }
        if statement == .unknownColumn {
            throw ModelError(sqlstate: "42703", message: "column \"nope\" does not exist")
        }
    }
}
