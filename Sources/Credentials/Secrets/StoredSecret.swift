import ByteKit

/// What is stored for a user: as in PgBouncer's userlist and in `pg_authid.rolpassword`.
public enum StoredSecret: Sendable, Unprintable {
    /// The password itself.
    case plain(SecretBytes)
    /// The 32 hexadecimal digits behind "md5": the MD5 of password and user name.
    case md5(hexDigest: SecretBytes)
    /// A SCRAM-SHA-256 verifier.
    case scram(ScramVerifier)

    /// Tells the three forms apart as PostgreSQL does (`get_password_type`), with one exception: text that begins
    /// like a SCRAM verifier and is none is refused, for a damaged verifier must not become a password. Empty text is
    /// no secret either.
    public init?(parsing text: String) {
        unsafe self.init(parsing: [UInt8](text.utf8).span.bytes)
    }

    /// The same for bytes, such as a column of an `auth_query`.
    public init?(parsing text: RawSpan) {
        guard text.byteCount > 0 else { return nil }
        let bytes = text.toArray()
        if bytes.starts(with: ScramVerifier.prefix) {
            guard let verifier = ScramVerifier(parsing: text) else { return nil }
            self = .scram(verifier)
        } else if Self.isMD5(bytes) {
            self = .md5(hexDigest: SecretBytes([UInt8](bytes.dropFirst(3))))
        } else {
            self = .plain(SecretBytes(copying: text))
        }
    }

    /// Whether `password`, sent in the clear, is the user's. Constant time; an empty password never is.
    ///
    /// Slow for a SCRAM verifier: see `ScramClient.saltedPassword`.
    public func matches(password: SecretBytes, user: String) -> Bool {
        guard password.count > 0 else { return false }
        switch self {
        case .plain(let expected):
            return expected.equals(password)
        case .md5(let digest):
            return MD5Login.hexDigest(password: password, user: user)?.equals(digest) ?? false
        case .scram(let verifier):
            let salted = ScramClient.saltedPassword(
                password: password, salt: verifier.salt, iterations: verifier.iterations)
            return verifier.matches(saltedPassword: salted)
        }
    }

    /// "md5" and 32 lower-case hexadecimal digits.
    private static func isMD5(_ bytes: [UInt8]) -> Bool {
        guard bytes.count == 35, bytes.starts(with: "md5".utf8) else { return false }
        return bytes.dropFirst(3).allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
            default: false
            }
        }
    }
}
