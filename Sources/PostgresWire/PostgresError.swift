public import ByteKit

/// An ErrorResponse or NoticeResponse made by the proxy itself.
public struct PostgresError: Error, Equatable, Sendable {
    /// How bad it is; a FATAL is followed by the end of the connection.
    public enum Severity: String, Sendable {
        case error = "ERROR"
        case fatal = "FATAL"
        case notice = "NOTICE"
        case warning = "WARNING"
    }

    /// Severity, SQLSTATE and the three texts a user reads.
    public var severity: Severity
    /// Five characters, PostgreSQL documentation, "Error Codes".
    public var sqlstate: String
    /// The primary message.
    public var message: String
    /// More about what happened.
    public var detail: String?
    /// What to do about it.
    public var hint: String?

    /// An error of these parts.
    public init(
        _ severity: Severity, _ sqlstate: String, _ message: String, detail: String? = nil, hint: String? = nil
    ) {
        self.severity = severity
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
    }

    /// Appends the message.
    public func write(to out: inout ByteWriter) {
        let isNotice = severity == .notice || severity == .warning
        let mark = out.begin(isNotice ? BackendTag.noticeResponse : BackendTag.errorResponse)
        field(0x53, severity.rawValue, &out)  // S
        field(0x56, severity.rawValue, &out)  // V
        field(0x43, sqlstate, &out)  // C
        field(0x4D, message, &out)  // M
        if let detail { field(0x44, detail, &out) }  // D
        if let hint { field(0x48, hint, &out) }  // H
        out.u8(0)
        out.end(mark)
    }

    private func field(_ code: UInt8, _ text: String, _ out: inout ByteWriter) {
        out.u8(code)
        out.cString(text)
    }
}

/// The parts of a server's ErrorResponse the proxy acts on.
public struct ServerError: Equatable, Sendable {
    /// The severity that is not translated (`V`), else the one that is (`S`).
    public let severity: String
    /// SQLSTATE, empty when the server sent none.
    public let sqlstate: String
    /// The primary message.
    public let message: String

    /// An error as a server would have sent it.
    public init(_ error: PostgresError) {
        severity = error.severity.rawValue
        sqlstate = error.sqlstate
        message = error.message
    }

    /// Reads the body of an ErrorResponse or NoticeResponse; missing fields are empty.
    public init(body: RawSpan) {
        var cursor = ByteCursor(body)
        var severity = ""
        var plain = ""
        var sqlstate = ""
        var message = ""
        while let code = cursor.u8(), code != 0, let range = cursor.cString() {
            switch code {
            case 0x56: severity = cursor.string(range)
            case 0x53: plain = cursor.string(range)
            case 0x43: sqlstate = cursor.string(range)
            case 0x4D: message = cursor.string(range)
            default: break
            }
        }
        self.severity = severity.isEmpty ? plain : severity
        self.sqlstate = sqlstate
        self.message = message
    }

    /// Whether the server ends the connection after it.
    public var isFatal: Bool { severity == "FATAL" || severity == "PANIC" }
}
