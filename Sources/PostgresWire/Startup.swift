import ByteKit

/// The first packet of a connection (protocol documentation, "Start-up"): no tag, a length, then a code or version.
public enum StartupPacket: Equatable, Sendable {
    /// Not all bytes are there.
    case needMore
    /// SSLRequest (80877103). `end` is where the packet ends.
    case sslRequest(end: Int)
    /// GSSENCRequest (80877104).
    case gssRequest(end: Int)
    /// CancelRequest (80877102): process id and key, 4 bytes in protocol 3.0, up to 256 in 3.2.
    case cancel(processID: UInt32, key: [UInt8])
    /// StartupMessage.
    case startup(StartupMessage, end: Int)
    /// Not a packet a server accepts; the text says why.
    case malformed(String)
}

/// What a client says of itself when it connects.
public struct StartupMessage: Equatable, Sendable {
    /// Major and minor protocol version asked for.
    public let major: UInt16
    /// See `major`.
    public let minor: UInt16
    /// All parameters in the order sent, `_pq_.` ones included.
    public let parameters: [Parameter]

    /// One name and its value.
    public struct Parameter: Equatable, Sendable {
        /// The parameter's name as sent.
        public let name: String
        /// Its value.
        public let value: String
        /// A parameter.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A start-up message of `major`.`minor`.
    public init(major: UInt16, minor: UInt16, parameters: [Parameter]) {
        self.major = major
        self.minor = minor
        self.parameters = parameters
    }

    /// The last value sent for `name`, as PostgreSQL takes it.
    public subscript(name: String) -> String? { parameters.last { $0.name == name }?.value }

    /// The protocol extensions asked for (`_pq_.…`), none of which we know.
    public var unknownOptions: [String] { parameters.map(\.name).filter { $0.hasPrefix("_pq_.") } }
}

extension StartupPacket {
    /// The longest start-up packet PostgreSQL accepts (`MAX_STARTUP_PACKET_LENGTH`).
    public static let maximumLength = 10_000

    /// Reads the packet at the beginning of `bytes`.
    public static func parse(_ bytes: RawSpan) -> StartupPacket {
        guard bytes.byteCount >= 4 else { return .needMore }
        let length = bytes.u32(at: 0)
        guard length >= 8, length <= UInt32(maximumLength) else {
            return .malformed("invalid length of startup packet")
        }
        let end = Int(length)
        guard bytes.byteCount >= 8 else { return .needMore }
        let code = bytes.u32(at: 4)
        switch code {
        case 80_877_103: return length == 8 ? .sslRequest(end: 8) : .malformed("invalid length of SSL request")
        case 80_877_104: return length == 8 ? .gssRequest(end: 8) : .malformed("invalid length of GSSENC request")
        default: break
        }
        guard bytes.byteCount >= end else { return .needMore }
        if code == 80_877_102 {
            guard length >= 16, length <= 12 + 256 else { return .malformed("invalid length of cancel request packet") }
            return .cancel(processID: bytes.u32(at: 8), key: bytes.extracting(12..<end).toArray())
        }
        return startup(bytes.extracting(0..<end), code: code)
    }

    private static func startup(_ packet: RawSpan, code: UInt32) -> StartupPacket {
        let major = UInt16(truncatingIfNeeded: code >> 16)
        let minor = UInt16(truncatingIfNeeded: code)
        guard major == 3 else {
            return .malformed("unsupported frontend protocol \(major).\(minor): server supports 3.0 to 3.2")
        }
        var cursor = ByteCursor(packet)
        _ = cursor.take(8)
        var parameters: [StartupMessage.Parameter] = []
        while true {
            guard let name = cursor.cString() else {
                return .malformed("invalid startup packet layout: expected terminator as last byte")
            }
            if name.isEmpty { break }
            guard let value = cursor.cString() else {
                return .malformed("invalid startup packet layout: expected terminator as last byte")
            }
            parameters.append(.init(name: cursor.string(name), value: cursor.string(value)))
        }
        guard cursor.remaining == 0 else {
            return .malformed("invalid startup packet layout: expected terminator as last byte")
        }
        return .startup(
            StartupMessage(major: major, minor: minor, parameters: parameters), end: packet.byteCount)
    }
}
