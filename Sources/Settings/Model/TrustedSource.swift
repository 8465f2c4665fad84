/// Who is believed when it says on whose behalf it connects: one element of `proxy_protocol`.
public enum TrustedSource: Sendable, Hashable {
    /// Whoever connects from there.
    case range(AddressRange)
    /// Whoever may open the unix socket.
    case unix
}

extension TrustedSource: CustomStringConvertible {
    /// As it is written in a file.
    public var description: String {
        switch self {
        case .range(let range): range.description
        case .unix: "unix"
        }
    }
}

extension ValueType where Value == TrustedSource {
    /// A block of IP addresses, or the word for unix sockets.
    static var trustedSource: Self {
        let blocks = ValueType<AddressRange>.addressRange
        return ValueType(
            "\(blocks.expects), or \"unix\"", example: blocks.example, literal: { quoted("\($0)") }, show: { "\($0)" }
        ) { field, log in
            if case .string(let text) = field.node.value, AddressRange.rounded(text) == nil, AddressRange(text) == nil {
                if text == "unix" { return .unix }
                log.misfit(field, quoted(text))
                return nil
            }
            return blocks.decode(field, &log).map { .range($0) }
        }
    }
}
