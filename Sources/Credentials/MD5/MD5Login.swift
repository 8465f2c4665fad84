import ByteKit

/// PostgreSQL's MD5 login (protocol documentation, "AuthenticationMD5Password"):
///
///     "md5" + hex(md5(hex(md5(password + user)) + salt))
///
/// Deprecated by PostgreSQL since release 18; kept for servers and clients that know nothing else. Answers nil or
/// false where the system's policy (FIPS) forbids MD5.
public enum MD5Login {
    /// The length of a salt.
    public static let saltLength = 4

    /// The answer to a server's challenge: 35 bytes, to which PasswordMessage adds a NUL. nil when the secret is a
    /// SCRAM verifier, from which none can be made, or the salt has not 4 bytes.
    public static func response(user: String, password: StoredSecret, salt: [UInt8]) -> [UInt8]? {
        guard salt.count == saltLength else { return nil }
        let inner: SecretBytes
        switch password {
        case .plain(let password):
            guard let digest = hexDigest(password: password, user: user) else { return nil }
            inner = digest
        case .md5(let digest):
            inner = digest
        case .scram:
            return nil
        }
        guard let outer = Digest.md5(.joined([inner, SecretBytes(salt)])) else { return nil }
        return [UInt8]("md5".utf8) + outer.withBytes { Hex.encode($0) }
    }

    /// Whether a client's answer to `salt` is right, in constant time. `response` is the PasswordMessage without its
    /// NUL. An empty password logs nobody in, as in PostgreSQL.
    public static func verify(response: RawSpan, user: String, secret: StoredSecret, salt: [UInt8]) -> Bool {
        if case .plain(let password) = secret, password.count == 0 { return false }
        guard let expected = self.response(user: user, password: secret, salt: salt) else { return false }
        return unsafe constantTimeEquals(response, expected.span.bytes)
    }

    /// What is stored for a user of MD5: 32 hexadecimal digits, the user name being the salt.
    public static func hexDigest(password: SecretBytes, user: String) -> SecretBytes? {
        guard let digest = Digest.md5(.joined([password, SecretBytes(user)])) else { return nil }
        return SecretBytes(digest.withBytes { Hex.encode($0) })
    }
}
