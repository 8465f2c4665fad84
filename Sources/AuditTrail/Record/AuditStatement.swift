import ByteKit
public import Settings

/// One record of a statement, in the form it crosses the ring: plain values and the numbers of slots.
///
/// Times are nanoseconds; `startedAt` counts from 1970-01-01 UTC.
public struct AuditStatement: Sendable {
    /// Slots of this producer; `backend` is `.max` where no server took part.
    public var session: UInt32, shape: UInt32, backend = UInt32.max
    /// Unique in this boot (the producer's number in the top byte); the same in intent and completion.
    public var id: UInt64
    /// The first statement of the same text, or the Parse it came from; 0: none.
    public var parentID: UInt64 = 0
    /// Its place in a text of several statements, from 0.
    public var index: UInt32 = 0
    /// Intent or completion.
    public var phase = AuditPhase.complete
    /// How safely it is recorded.
    public var mode: AuditMode
    /// By our own facts.
    public var statementClass: StatementClass
    /// By the server's own tag, where that says something else.
    public var serverClass: StatementClass?
    /// What came of it.
    public var outcome = AuditOutcome.success
    /// Why.
    public var reason = AuditReason.none
    /// How it came over the wire.
    public var protocolPath: ProtocolPath
    /// When it was received.
    public var startedAt: UInt64
    /// From there to the last byte of the answer, and how much of it was waiting for a server.
    public var duration: UInt64 = 0, waited: UInt64 = 0
    /// `.max`: not known.
    public var returnedRows = UInt64.max, affectedRows = UInt64.max
    /// From the client, and to it.
    public var bytesIn: UInt64 = 0, bytesOut: UInt64 = 0
    /// Five bytes of SQLSTATE, the first one lowest; 0 is success.
    public var status: UInt64 = 0
    /// MySQL's number of an error; 0: none.
    public var errno: UInt32 = 0
    /// Process or thread at the server; 0: none.
    public var serverPID: UInt32 = 0
    /// Unique in this boot; 0: in none.
    public var transaction: UInt64 = 0
    /// Its place in the transaction, from 1.
    public var transactionIndex: UInt32 = 0
    /// Of the trace context of W3C, the first byte highest; 0: none.
    public var traceID: (high: UInt64, low: UInt64) = (0, 0)
    public var spanID: UInt64 = 0
    /// How long the text was, as it was sent.
    public var textLength: UInt64 = 0

    /// A completion without anything special about it.
    public init(
        session: UInt32, shape: UInt32, id: UInt64, mode: AuditMode, statementClass: StatementClass,
        protocolPath: ProtocolPath, startedAt: UInt64
    ) {
        self.session = session
        self.shape = shape
        self.id = id
        self.mode = mode
        self.statementClass = statementClass
        self.protocolPath = protocolPath
        self.startedAt = startedAt
    }

    /// Five characters of SQLSTATE as `status` has them.
    public static func status(_ code: RawSpan) -> UInt64 {
        var status: UInt64 = 0
        for index in 0..<min(5, code.byteCount) {
            status |= UInt64(code.u8(at: index)) << UInt64(8 &* index)
        }
        return status
    }
}
