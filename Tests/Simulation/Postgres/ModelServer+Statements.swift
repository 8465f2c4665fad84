import ByteKit
import PostgresWire

/// What statements do.
extension ModelServer {
    /// Runs it; its rows if it returns any.
    func execute(
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
            } else {
                // Outside a block too: it commits what the pipeline has done so far.
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

    func setting(_ name: String, _ value: String, isLocal: Bool) throws(ModelError) {
        if value == "bad" {
            throw ModelError(sqlstate: "22023", message: "invalid value for parameter \"\(name)\": \"bad\"")
        }
        if isLocal && !session.isInBlock {
            warning("25P01", "SET LOCAL can only be used in transaction blocks")
        }
        session.set(name, value, isLocal: isLocal)
    }

    func needBlock(_ what: String) throws(ModelError) {
        if !session.isInBlock {
            throw ModelError(sqlstate: "25P01", message: "\(what) can only be used in transaction blocks")
        }
    }

    static func exists(_ name: String) -> ModelError {
        ModelError(sqlstate: "42P05", message: "prepared statement \"\(name)\" already exists")
    }
    static func missing(_ name: String) -> ModelError {
        ModelError(sqlstate: "26000", message: "prepared statement \"\(name)\" does not exist")
    }
    static func noPortal(_ name: String) -> ModelError {
        ModelError(sqlstate: "34000", message: "portal \"\(name)\" does not exist")
    }
    static func noSavepoint(_ name: String) -> ModelError {
        ModelError(sqlstate: "3B001", message: "savepoint \"\(name)\" does not exist")
    }
}
