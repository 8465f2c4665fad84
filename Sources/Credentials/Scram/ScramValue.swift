import ByteKit

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
