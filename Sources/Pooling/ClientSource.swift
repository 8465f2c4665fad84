/// Where a client comes from, as failed and slow logins count it: an IPv4 address, the first 64 bits of an IPv6 address (less is
/// nobody's own), or this machine's unix sockets.
public struct ClientSource: Hashable, Sendable {
    private let prefix: UInt64
    private let kind: UInt8

    /// Whoever comes over a unix socket.
    public static let unix = ClientSource(prefix: 0, kind: 0)

    /// From the first eight bytes of an address; those behind the four of IPv4 are zero.
    public init(prefix: UInt64, isV6: Bool) { self.init(prefix: prefix, kind: isV6 ? 6 : 4) }

    /// The address as 4 or 8 bytes in network order; none for unix sockets.
    public var bytes: [UInt8] {
        let count = kind == 0 ? 0 : kind == 4 ? 4 : 8
        return (0..<count).map { UInt8(truncatingIfNeeded: prefix >> UInt64(56 - 8 * $0)) }
    }

    private init(prefix: UInt64, kind: UInt8) {
        self.prefix = prefix
        self.kind = kind
    }
}
