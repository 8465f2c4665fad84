public import Settings

/// A value of a record.
public enum AuditValue: Sendable, Equatable {
    case text(String)
    /// Text as it came from outside: kept as base64 where it is no UTF-8.
    case bytes([UInt8])
    case number(Int64)
    case unsigned(UInt64)
    case flag(Bool)
    case list([AuditValue])
    case object([AuditField])
}

/// A value and where in the record it stands.
public struct AuditField: Sendable, Equatable {
    /// Names with dots between them: `headgate.auth.method`.
    public var path: String
    public var value: AuditValue

    public init(_ path: String, _ value: AuditValue) {
        self.path = path
        self.value = value
    }
}

/// A record of something that is not a statement.
public struct AuditEvent: Sendable {
    public var kind: AuditEventKind
    public var mode: AuditMode
    public var outcome = AuditOutcome.success
    public var reason = AuditReason.none
    /// A session of this producer, whose fields the record has too.
    public var session: UInt32?
    /// 0 to 10; nil: what the kind has.
    public var severity: UInt8?
    /// Nanoseconds since 1970-01-01 UTC; 0: the writer's time.
    public var time: UInt64 = 0
    /// Nanoseconds; 0: none.
    public var duration: UInt64 = 0
    /// Everything else. Secrets are masked by whoever makes it. With a session, what that session itself says (`source`,
    /// `destination`, `network`, `user`, `service`, `tls`, `user_agent`) moves below `headgate.detail`.
    public var detail: [AuditField]

    public init(
        _ kind: AuditEventKind, mode: AuditMode = .buffered, session: UInt32? = nil, _ detail: [AuditField] = []
    ) {
        self.kind = kind
        self.mode = mode
        self.session = session
        self.detail = detail
    }
}
