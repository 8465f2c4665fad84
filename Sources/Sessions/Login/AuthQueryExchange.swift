import ByteKit
public import Credentials
import PostgresWire

/// What became of looking up a user.
public enum AuthQueryAnswer: Sendable {
    /// Its secret.
    case found(StoredSecret)
    /// There is no such user, as far as clients may know; why is for the log.
    case none(String)
}

/// Asks a server for one user over a connection that is logged in: `auth_query` with the user's name as its only
/// parameter, by the extended protocol, so that a name is never SQL. Pure; one for each question.
public struct AuthQueryExchange: Sendable {
    private let user: String
    private var rows = 0
    private var secret: StoredSecret?
    private var problem: String?

    /// The longest message read; verifiers have a few hundred bytes.
    public static let longestMessage = 64 << 10

    /// Asks for `user`.
    public init(user: String) { self.user = user }

    /// The question.
    public func question(_ query: String) -> [UInt8] {
        var out = ByteWriter(capacity: 512)
        var mark = out.begin(FrontendTag.parse)
        out.u8(0)
        out.cString(query)
        out.i16(0)
        out.end(mark)
        mark = out.begin(FrontendTag.bind)
        out.raw([0, 0])
        out.i16(0)
        out.i16(1)
        let name = Array(user.utf8)
        out.u32(UInt32(truncatingIfNeeded: name.count))
        out.raw(name)
        out.i16(0)
        out.end(mark)
        mark = out.begin(FrontendTag.execute)
        out.u8(0)
        // One row too many is enough to know.
        out.u32(2)
        out.end(mark)
        out.bare(FrontendTag.sync)
        return out.take()
    }

    /// Reads what the server sent. `answer` is there when it is ready for the next question; nil for `consumed` when what it
    /// sends makes no sense, and nothing more is to be read from it.
    public mutating func received(_ bytes: RawSpan) -> (consumed: Int?, answer: AuthQueryAnswer?) {
        var position = 0
        while true {
            guard case .header(let tag, let body, let end) = scanFrame(bytes, at: position) else {
                return bytes.byteCount &- position < 5 ? (position, nil) : (nil, nil)
            }
            guard end &- position <= Self.longestMessage else { return (nil, nil) }
            guard end <= bytes.byteCount else { return (position, nil) }
            position = end
            switch tag {
            case BackendTag.dataRow: row(bytes.extracting(body..<end))
            case BackendTag.errorResponse:
                let error = ServerError(body: bytes.extracting(body..<end))
                problem = "auth_query failed: \(error.sqlstate): \(error.message)"
            case BackendTag.readyForQuery: return (position, answer)
            case BackendTag.parseComplete, BackendTag.bindComplete, BackendTag.commandComplete,
                BackendTag.portalSuspended, BackendTag.emptyQueryResponse, BackendTag.noticeResponse,
                BackendTag.parameterStatus, BackendTag.notificationResponse:
                break
            default: return (nil, nil)
            }
        }
    }

    private var answer: AuthQueryAnswer {
        if let problem { return .none(problem) }
        if rows == 0 { return .none("auth_query found nobody") }
        guard rows == 1 else { return .none("auth_query found more than one row") }
        guard let secret else { return .none("auth_query found no secret: it is NULL, empty or damaged") }
        return .found(secret)
    }

    /// The user's name and its secret.
    private mutating func row(_ body: RawSpan) {
        rows += 1
        var cursor = ByteCursor(body)
        guard let columns = cursor.i16() else { return problem = "auth_query sent a malformed row" }
        guard columns == 2 else {
            return problem = "auth_query has \(columns) columns, it must have a name and a secret"
        }
        guard let name = Self.value(&cursor, body), let text = Self.value(&cursor, body) else {
            return problem = "auth_query sent a malformed row"
        }
        guard let name else { return problem = "auth_query found a user without a name" }
        // Whatever the query does, nobody becomes anybody else by it (CVE-2015-6817).
        guard body.extracting(name).toArray() == Array(user.utf8) else {
            return problem = "auth_query found another user than was asked for"
        }
        if let text { secret = StoredSecret(parsing: body.extracting(text)) }
    }

    /// nil if malformed, else the value or NULL.
    private static func value(_ cursor: inout ByteCursor, _ body: RawSpan) -> Range<Int>?? {
        guard let length = cursor.i32() else { return nil }
        if length == -1 { return .some(nil) }
        guard length >= 0, let range = cursor.take(Int(length)) else { return nil }
        return .some(range)
    }
}
