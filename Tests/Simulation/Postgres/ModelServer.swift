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
    enum CopyTarget {
        case simple(rest: ArraySlice<(ModelStatement, String)>, isMulti: Bool)
        case extended
    }

    var session: ModelSession
    var prepared: [String: String] = [:]
    var unnamed: String?
    var portals: [String: Portal] = [:]
    var input: [UInt8] = []
    var skipping = false
    var copy: CopyTarget?
    var copied = 0
    var reported: String
    var out = ByteWriter(capacity: 256)
    /// `pg_sleep` runs: nothing is read until `wake` or `cancel`.
    private(set) var isAsleep = false
    var hasSlept = false
    var isCancelled = false
    /// COMMIT of a transaction that failed is answered as ROLLBACK.
    var endedAs: String?
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

    func proceed() -> [UInt8] {
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
    func message(_ tag: UInt8, _ body: [UInt8]) -> Bool {
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

    func sleeps(_ tag: UInt8, _ body: [UInt8]) -> Bool {
        if session.isFailed { return false }
        if tag == FrontendTag.query { return text(body, 0).0.contains("pg_sleep") }
        if tag == FrontendTag.execute { return portals[text(body, 0).0]?.statement == .sleep }
        return false
    }

    func text(_ body: [UInt8], _ start: Int) -> (String, Int) {
        let end = body[start...].firstIndex(of: 0) ?? body.count
        return (String(decoding: body[start..<end], as: UTF8.self), end + 1)
    }

    func sync() {
        skipping = false
        if !session.isInBlock { finish() }
        ready()
    }

    func ready() {
        if session["application_name"] != reported {
            reported = session["application_name"]
            out.parameterStatus("application_name", reported)
        }
        let mark = out.begin(BackendTag.readyForQuery)
        out.u8(session.status)
        out.end(mark)
    }

    func finish() {
        session.commit()
        portals = [:]
    }

    func fail(_ error: ModelError) {
        PostgresError(.error, error.sqlstate, error.message).write(to: &out)
        session.fail()
        if !session.isInBlock { portals = [:] }
    }
}
