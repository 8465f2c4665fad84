import COpenSSL

/// SASLprep (RFC 4013), the profile of stringprep (RFC 3454) that SCRAM applies to passwords.
///
/// Both ends of a login must prepare alike, so this follows PostgreSQL (`pg_saslprep`) in the four points where it is
/// not quite RFC 4013: ASCII is taken as it is, even control characters; U+200B becomes a space; a password of which
/// nothing is left is refused; characters are checked before they are normalised, not after.
enum SASLprep {
    /// The prepared password, or the password as it is where SASLprep refuses it: not UTF-8, a character that is
    /// prohibited or that Unicode 3.2 did not have, a mixture of writing directions. PostgreSQL does the same.
    static func prepared(_ password: SecretBytes) -> SecretBytes {
        if password.withBytes(isASCII) { return password }
        guard var codes = codePoints(of: password) else { return password }
        defer { wipe(&codes) }
        guard prepare(&codes, .shared) else { return password }
        return utf8(of: codes)
    }

    /// Replaces `codes` by their prepared form; false if they are refused.
    static func prepare(_ codes: inout [UInt32], _ tables: SASLprepTables) -> Bool {
        map(&codes, tables)
        guard !codes.isEmpty else { return false }
        for code in codes where tables.refused.contains(code) { return false }
        guard isOneDirection(codes, tables) else { return false }
        NFKC.normalize(&codes, tables)
        return true
    }

    /// RFC 4013 section 2.1, in place.
    private static func map(_ codes: inout [UInt32], _ tables: SASLprepTables) {
        var end = 0
        for index in codes.indices {
            let code = codes[index]
            if tables.spaces.contains(code) {
                codes[end] = 0x20
            } else if tables.nothing.contains(code) {
                continue
            } else {
                codes[end] = code
            }
            end &+= 1
        }
        codes.removeLast(codes.count &- end)
    }

    /// RFC 3454 section 6.
    private static func isOneDirection(_ codes: [UInt32], _ tables: SASLprepTables) -> Bool {
        guard codes.contains(where: tables.rightToLeft.contains) else { return true }
        guard !codes.contains(where: tables.leftToRight.contains) else { return false }
        guard let first = codes.first, let last = codes.last else { return true }
        return tables.rightToLeft.contains(first) && tables.rightToLeft.contains(last)
    }

    private static func isASCII(_ bytes: RawSpan) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe $0.allSatisfy { $0 < 0x80 } }
    }

    /// The code points of strict UTF-8, or nil.
    private static func codePoints(of password: SecretBytes) -> [UInt32]? {
        var codes: [UInt32] = []
        codes.reserveCapacity(password.count)
        let isValid = password.withBytes { bytes in
            let units = Span<UInt8>(_bytes: bytes)
            guard let text = try? UTF8Span(validating: units) else { return false }
            var scalars = text.makeUnicodeScalarIterator()
            while let scalar = scalars.next() { codes.append(scalar.value) }
            return true
        }
        guard isValid else {
            wipe(&codes)
            return nil
        }
        return codes
    }

    private static func utf8(of codes: [UInt32]) -> SecretBytes {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(codes.count &* 4)
        defer { wipe(&bytes) }
        for code in codes {
            guard let scalar = Unicode.Scalar(code) else { continue }
            bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        }
        return SecretBytes(bytes)
    }
}

/// Overwrites an array that held a password, and empties it.
func wipe<T: BitwiseCopyable>(_ values: inout [T]) {
    unsafe values.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    values.removeAll()
}
