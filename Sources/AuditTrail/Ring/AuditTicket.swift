/// Where in a producer's stream a record ends: what was recorded up to here is safe once `durable` has reached it.
public struct AuditTicket: Sendable, Hashable, Comparable {
    /// Bytes since the start of the stream; more than 0.
    public let position: UInt64

    /// The ticket of a position.
    @inlinable public init(position: UInt64) { self.position = position }

    /// Earlier in the same stream.
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.position < b.position }
}

/// Why the trail cannot record at present.
public enum AuditRefusal: UInt8, Sendable, CaseIterable {
    case diskFull = 1, ioError, readOnly, overflow, stopped

    /// What to tell the client: the cause, behind "cannot be recorded: ".
    public var message: String {
        switch self {
        case .diskFull: "the disk of the audit directory is full"
        case .ioError: "the audit files cannot be written (input/output error)"
        case .readOnly: "the audit directory cannot be written to"
        case .overflow: "audit records do not reach the disk fast enough"
        case .stopped: "the audit trail has been stopped"
        }
    }

    /// What to do about it.
    public var hint: String {
        switch self {
        case .diskFull: "Free space in [audit] directory; recording goes on by itself."
        case .ioError: "Look at the log and at the disk of [audit] directory; see on_io_error of [audit]."
        case .readOnly: "Mount the file system of [audit] directory writable, or mend its permissions."
        case .overflow: "See SHOW AUDIT; raise ring_size or max_block of [audit], or use a faster disk."
        case .stopped: "Start the proxy again."
        }
    }
}
