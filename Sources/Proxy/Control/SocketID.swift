/// Names one connection of the process for as long as the process lives, apart from one in four billion microseconds:
/// kind, worker, place in the worker's list, and when it was made.
public struct SocketID: Sendable, Hashable {
    /// `server (1) | worker (7) | slot (24) | connected at (32)`.
    public let raw: UInt64

    init(isServer: Bool, worker: Int, slot: UInt32, connectedAt: Int64) {
        let place = UInt64(truncatingIfNeeded: worker & 0x7F) << 24 | UInt64(slot & 0xFF_FFFF)
        raw = (isServer ? 1 << 63 : 0) | place << 32 | UInt64(UInt32(truncatingIfNeeded: connectedAt))
    }

    /// A name read from text; nil unless it is sixteen hexadecimal digits, with or without `0x`.
    public init?(_ text: some StringProtocol) {
        let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
        guard digits.count == 16, let raw = UInt64(digits, radix: 16) else { return nil }
        self.raw = raw
    }

    /// Whether it names a server connection.
    public var isServer: Bool { raw >> 63 == 1 }

    /// The worker it lives in.
    var worker: Int { Int(raw >> 56 & 0x7F) }

    /// Its place in the worker's list.
    var slot: UInt32 { UInt32(truncatingIfNeeded: raw >> 32 & 0xFF_FFFF) }

    /// Worker and place, as the process id a client is told: short, and used again after the connection has ended.
    public var number: Int64 { Int64(raw >> 32 & 0x7FFF_FFFF) }

    /// `0x` and sixteen digits.
    public var text: String {
        let digits = String(raw, radix: 16)
        return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
