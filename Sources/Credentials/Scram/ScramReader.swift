import ByteKit

/// Reads the attributes of one SCRAM message (RFC 5802 section 7) in the order the grammar gives them.
///
/// Holds a copy: messages are short and come twice in a login.
struct ScramReader {
    /// More than PostgreSQL itself accepts (1024), less than a nuisance.
    static let messageLimit = 2048

    /// The message.
    let bytes: [UInt8]
    /// Where the next read starts.
    private(set) var offset = 0

    /// Refuses messages that are too long or hold a NUL.
    init(_ message: RawSpan) throws(ScramError) {
        guard message.byteCount <= Self.messageLimit else { throw .tooLong }
        guard message.firstIndex(of: 0, from: 0, to: message.byteCount) == nil else { throw .malformed }
        bytes = message.toArray()
    }

    var isAtEnd: Bool { offset >= bytes.count }

    /// The next byte, not consumed.
    var peek: UInt8? { isAtEnd ? nil : bytes[offset] }

    /// Consumes one byte.
    mutating func byte() throws(ScramError) -> UInt8 {
        guard let byte = peek else { throw .malformed }
        offset &+= 1
        return byte
    }

    /// Consumes exactly `expected`.
    mutating func expect(_ expected: UInt8) throws(ScramError) {
        guard try byte() == expected else { throw .malformed }
    }

    /// Consumes a comma.
    mutating func comma() throws(ScramError) { try expect(UInt8(ascii: ",")) }

    /// Consumes `name=value` and returns the value, which ends before a comma or at the end.
    mutating func attribute(_ name: UInt8) throws(ScramError) -> [UInt8] {
        try expect(name)
        try expect(UInt8(ascii: "="))
        return value()
    }

    /// Consumes an optional extension: any letter, `=` and a value that is not empty. A mandatory one is refused.
    mutating func skipExtension() throws(ScramError) {
        switch try byte() {
        case UInt8(ascii: "m"): throw .unsupportedExtension
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): break
        default: throw .malformed
        }
        try expect(UInt8(ascii: "="))
        guard !value().isEmpty else { throw .malformed }
    }

    /// Refuses the reserved attribute `m=` where the grammar has a place for it.
    func refuseMandatoryExtension() throws(ScramError) {
        if peek == UInt8(ascii: "m") { throw .unsupportedExtension }
    }

    /// Refuses anything behind what was read.
    func end() throws(ScramError) {
        guard isAtEnd else { throw .malformed }
    }

    /// Everything up to the next comma.
    mutating func value() -> [UInt8] {
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: ",") { offset &+= 1 }
        return [UInt8](bytes[start..<offset])
    }
}

/// Checks on single values.
enum ScramValue {
    /// The longest nonce taken from a peer. Honest ones have 24 to 48 letters.
    static let nonceLimit = 1024
    /// The longest salt taken from a peer, in bytes. PostgreSQL uses 16.
    static let saltLimit = 1024
    /// What may be asked for in one login: beyond it, a hostile server would only burn our processors.
    static let iterationRange = 1...10_000_000

    /// A nonce: printable ASCII without a comma, not empty (RFC 5802 section 7, `nonce`).
    static func nonce(_ value: [UInt8]) throws(ScramError) -> [UInt8] {
        guard value.count <= nonceLimit else { throw .tooLong }
        guard !value.isEmpty else { throw .malformed }
        for byte in value where byte < 0x21 || byte > 0x7e || byte == UInt8(ascii: ",") { throw .malformed }
        return value
    }

    /// A user name: `=` only as `=2C` or `=3D` (RFC 5802 section 5.1). May be empty, as libpq sends it.
    static func checkName(_ value: [UInt8]) throws(ScramError) {
        var rest = value[...]
        while let sign = rest.firstIndex(of: UInt8(ascii: "=")) {
            let code = rest[sign...].dropFirst().prefix(2)
            guard code.elementsEqual("2C".utf8) || code.elementsEqual("3D".utf8) else { throw .malformed }
            rest = rest[sign...].dropFirst(3)
        }
    }

    /// A salt in base64, not empty.
    static func salt(_ value: [UInt8]) throws(ScramError) -> [UInt8] {
        guard let salt = Base64.decode(value), !salt.isEmpty else { throw .malformed }
        guard salt.count <= saltLimit else { throw .tooLong }
        return salt
    }

    /// A decimal count without sign or leading zero, within `iterationRange`.
    static func iterations(_ value: [UInt8]) throws(ScramError) -> Int {
        guard let first = value.first, first != UInt8(ascii: "0") else { throw .iterationCount }
        guard value.count <= 8 else { throw .iterationCount }
        var count = 0
        for byte in value {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .iterationCount }
            count = count &* 10 &+ Int(byte &- UInt8(ascii: "0"))
        }
        guard iterationRange.contains(count) else { throw .iterationCount }
        return count
    }

    /// A SHA-256 value in base64: a proof, a signature or a key.
    static func key(_ value: [UInt8]) throws(ScramError) -> SecretBytes {
        guard let key = Base64.decode(value), key.count == Digest.sha256Size else { throw .malformed }
        return SecretBytes(key)
    }
}
