internal import Glibc

/// A block of IP addresses: `"10.0.0.0/8"`, `"fd00::/8"`, or one address.
public struct AddressRange: Sendable, Hashable {
    /// The first address, 4 or 16 bytes in network order; bits past the prefix are zero.
    public let address: [UInt8]
    /// How many leading bits all addresses of the block share.
    public let prefix: Int

    /// Reads a block; nil for what is none, and when bits past the prefix are set.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, let address = Self.address(String(host)) else { return nil }
        let width = address.count * 8
        guard let prefix = parts.count == 2 ? Int(parts[1]) : width, (0...width).contains(prefix) else { return nil }
        guard Self.masked(address, prefix) == address else { return nil }
        self.address = address
        self.prefix = prefix
    }

    /// Whether `candidate`, 4 or 16 bytes in network order, is in the block.
    public func contains(_ candidate: [UInt8]) -> Bool {
        candidate.count == address.count && Self.masked(candidate, prefix) == address
    }

    /// The block somebody meant who set bits past the prefix: `10.1.2.3/8` is `10.0.0.0/8`.
    static func rounded(_ text: String) -> AddressRange? {
        let parts = text.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let address = Self.address(String(parts[0])), let prefix = Int(parts[1]),
            (0...(address.count * 8)).contains(prefix)
        else { return nil }
        return AddressRange(address: masked(address, prefix), prefix: prefix)
    }

    private init(address: [UInt8], prefix: Int) {
        self.address = address
        self.prefix = prefix
    }

    static func masked(_ address: [UInt8], _ prefix: Int) -> [UInt8] {
        address.enumerated().map { index, byte in
            let bits = min(max(prefix - index * 8, 0), 8)
            return bits == 0 ? 0 : byte & (UInt8.max << UInt8(8 - bits))
        }
    }

    /// A numeric address as 4 or 16 bytes in network order; nil for what is none.
    public static func address(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var buffer = [UInt8](repeating: 0, count: 16)
            let result = unsafe buffer.withUnsafeMutableBytes { unsafe inet_pton(family, text, $0.baseAddress) }
            if result == 1 { return Array(buffer.prefix(count)) }
        }
        return nil
    }
}

extension AddressRange: CustomStringConvertible {
    /// As it is written in a file.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = address.count == 4 ? AF_INET : AF_INET6
        let count = socklen_t(text.count)
        let host = unsafe address.withUnsafeBytes { from in
            unsafe text.withUnsafeMutableBufferPointer { into in
                unsafe inet_ntop(family, from.baseAddress, into.baseAddress, count).map { unsafe String(cString: $0) }
            }
        }
        return "\(host ?? "?")/\(prefix)"
    }
}

extension ValueType where Value == AddressRange {
    /// A block of IP addresses.
    static var addressRange: Self {
        let expects = "a block of addresses such as \"10.0.0.0/8\" or \"fd00::/8\""
        let literal: @Sendable (AddressRange) -> String = { quoted("\($0)") }
        return ValueType(expects, example: "\"10.0.0.0/8\"", literal: literal, show: { "\($0)" }) { field, log in
            guard case .string(let text) = field.node.value else {
                log.wrongType(field)
                return nil
            }
            if let range = AddressRange(text) { return range }
            if let meant = AddressRange.rounded(text) {
                log.error(
                    field.node.position, "\(field.key) has \(quoted(text))", "it has bits set past its prefix",
                    "write \(quoted("\(meant)"))")
            } else {
                log.misfit(field, quoted(text))
            }
            return nil
        }
    }
}
