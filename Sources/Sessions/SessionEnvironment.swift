import ByteKit
public import SQLText

/// What all sessions of one worker share: the statement cache, the interned settings and status values, and the plans
/// into which a relay step writes what is to be sent. Confined to its worker.
public final class SessionEnvironment {
    /// What each statement text means.
    public let statements: StatementCache
    /// Interned session settings.
    public let profiles = ProfileTable()
    /// Interned ParameterStatus values.
    public let statuses = StatusTable()
    /// Filled by a step that reads from a client: what goes to its server.
    public let toServer = SendPlan()
    /// What goes to the client.
    public let toClient = SendPlan()
    /// What was read since it was last set to nothing.
    public var tally = PrepareTally()
    /// Hash for tables of client-chosen names.
    let nameHash = Hash64()
    /// In the high bits of every serial, so that names of prepared statements differ between workers and a server that
    /// moves to another worker keeps what it has.
    let serialPrefix: UInt64
    /// A Query or Parse longer than this is passed on unread and its session state counts as unknown.
    public var maxInspectedStatement = 16 << 20
    /// How many prepared statements one client may have.
    public var maxClientStatements = 16_384

    /// The environment of worker number `worker`.
    public init(worker: Int, statementCacheEntries: Int = 4096) {
        statements = StatementCache(maxEntries: statementCacheEntries)
        serialPrefix = UInt64(truncatingIfNeeded: worker) << 48
    }

    /// Serial of an entry, unique in the process.
    @inline(__always)
    func serial(_ entry: StatementEntry) -> UInt64 { serialPrefix | entry.serial }
}

/// Counts of messages about prepared statements, for the pool they belong to.
public struct PrepareTally: Equatable, Sendable {
    /// Parse messages of clients.
    public var clientParses: UInt32 = 0
    /// Parse messages and PREPARE statements sent to servers.
    public var serverParses: UInt32 = 0
    /// Bind messages of clients.
    public var binds: UInt32 = 0
    /// Whether anything was counted.
    public var isSome = false

    /// Nothing.
    public init() {}
}

/// Names under which client statements are prepared on servers: `hg_` and the serial in hexadecimal.
enum ServerName {
    static func write(_ serial: UInt64, to out: inout ByteWriter) {
        out.u8(0x68)
        out.u8(0x67)
        out.u8(0x5F)
        out.hexadecimal(serial)
    }

    /// The name as bytes, for SQL text.
    static func bytes(_ serial: UInt64) -> [UInt8] {
        var writer = ByteWriter(capacity: 24)
        write(serial, to: &writer)
        return writer.take()
    }

    /// Whether a client chose a name that could be one of ours.
    static func looksLikeOurs(_ name: RawSpan) -> Bool {
        name.byteCount >= 3 && name.u8(at: 0) == 0x68 && name.u8(at: 1) == 0x67 && name.u8(at: 2) == 0x5F
    }
}
