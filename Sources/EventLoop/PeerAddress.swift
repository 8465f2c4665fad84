import CLinux

/// Who is at the other end: 24 bytes, formatted only when somebody asks.
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    /// The kind of socket.
    public enum Family: UInt8, Sendable {
        /// A unix socket: no address, the peer is on this machine.
        case unix = 1
        /// IPv4 (also when it came in through a dual-stack IPv6 listener).
        case v4 = 4
        /// IPv6
        case v6 = 6
    }

    /// The first eight bytes of the address in network order (IPv4: the upper four bytes of this number).
    public let high: UInt64
    /// The last eight bytes of an IPv6 address.
    public let low: UInt64
    /// The interface of a link-local IPv6 address.
    public let scope: UInt32
    /// The port; 0 for a unix socket.
    public let port: UInt16
    /// The kind of socket.
    public let family: Family

    /// The peer of a unix socket.
    public static let unix = PeerAddress(high: 0, low: 0, scope: 0, port: 0, family: .unix)

    private init(high: UInt64, low: UInt64, scope: UInt32, port: UInt16, family: Family) {
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
        self.family = family
    }

    /// From a numeric IPv4 or IPv6 address; nil if `text` is anything else.
    public init?(numeric text: String, port: UInt16) {
        var raw = headgate_address()
        guard unsafe headgate_parse_address(text, port, &raw) == 1 else { return nil }
        self.init(raw)
    }

    /// From 4 or 16 bytes in network order; nil for any other count. What is IPv4 in an IPv6 address is IPv4.
    public init?(bytes: [UInt8], port: UInt16) {
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(high: number(0..<4) << 32, low: 0, scope: 0, port: port, family: .v4)
        case 16:
            let (high, low) = (number(0..<8), number(8..<16))
            if high == 0, low >> 32 == 0xFFFF {
                self.init(high: low << 32, low: 0, scope: 0, port: port, family: .v4)
            } else {
                self.init(high: high, low: low, scope: 0, port: port, family: .v6)
            }
        default: return nil
        }
    }

    /// IPv4 from a number: `0x7f00_0001` is 127.0.0.1.
    public init(v4 address: UInt32, port: UInt16) {
        self.init(high: UInt64(address) << 32, low: 0, scope: 0, port: port, family: .v4)
    }

    /// The same address with another port.
    public func with(port: UInt16) -> PeerAddress {
        PeerAddress(high: high, low: low, scope: scope, port: port, family: family)
    }

    init(_ raw: headgate_address) {
        let words = unsafe withUnsafeBytes(of: raw.bytes) {
            unsafe ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(
            high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), scope: raw.scope, port: raw.port,
            family: Family(rawValue: raw.family) ?? .unix)
    }

    var raw: headgate_address {
        var raw = headgate_address()
        unsafe withUnsafeMutableBytes(of: &raw.bytes) {
            unsafe $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        raw.scope = scope
        raw.port = port
        raw.family = family.rawValue
        return raw
    }

    /// The address without the port: `192.0.2.1`, `2001:db8::1`, or `unix`. Allocates.
    public var host: String {
        guard family != .unix else { return "unix" }
        var raw = self.raw
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress, unsafe headgate_format_address(&raw, base, 64) > 0 else {
                return "invalid"
            }
            return unsafe String(cString: base)
        }
    }

    /// Address and port: `192.0.2.1:5432`, `[2001:db8::1]:5432`, or `unix`. Allocates.
    public var description: String {
        switch family {
        case .unix: "unix"
        case .v4: "\(host):\(port)"
        case .v6: "[\(host)]:\(port)"
        }
    }

    /// The address in network order: 4 or 16 bytes, none for a unix socket.
    public var bytes: [UInt8] {
        let count = family == .unix ? 0 : family == .v4 ? 4 : 16
        return (0..<count).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - index % 8 * 8))
        }
    }

    /// Whether this address is in `network/prefix` (of the same family; the whole prefix 0 matches all of it).
    public func isInside(_ network: PeerAddress, prefix: Int) -> Bool {
        guard family == network.family, family != .unix else { return false }
        let width = family == .v4 ? 32 : 128
        guard prefix >= 0, prefix <= width else { return false }
        let upper = min(prefix, 64)
        let highMask = upper == 0 ? 0 : UInt64.max << UInt64(64 - upper)
        let lower = max(prefix - 64, 0)
        let lowMask = lower == 0 ? 0 : UInt64.max << UInt64(64 - lower)
        return (high ^ network.high) & highMask == 0 && (low ^ network.low) & lowMask == 0
    }
}

/// Where a server is: what a connect needs.
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// An address of either family with its port.
    case ip(PeerAddress)
    /// The path of a unix socket.
    case unix(String)

    /// `192.0.2.1:5432`, `[::1]:5432` or the path.
    public var description: String {
        switch self {
        case .ip(let address): address.description
        case .unix(let path): path
        }
    }
}
