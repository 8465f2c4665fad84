import ByteKit

/// `mysql_native_password` (MySQL protocol documentation, "Native Authentication"):
///
///     answer = SHA1(password) xor SHA1(nonce + SHA1(SHA1(password)))
///
/// The server stores `SHA1(SHA1(password))`. Answers nil or false where the system's policy (FIPS) forbids SHA-1.
public enum MySQLNative {
    /// The length of a nonce, without the NUL it is sent with.
    public static let nonceLength = 20

    /// What a server stores: the password hashed twice, 20 bytes.
    public static func storedHash(password: SecretBytes) -> SecretBytes? {
        Digest.sha1(password).flatMap(Digest.sha1)
    }

    /// The stored form as `mysql.user` shows it: `*` and 40 upper-case hexadecimal digits.
    public static func storedText(password: SecretBytes) -> String? {
        guard let hash = storedHash(password: password) else { return nil }
        return "*" + String(decoding: hash.withBytes { Hex.encode($0) }, as: UTF8.self).uppercased()
    }

    /// Reads the stored form.
    public static func storedHash(parsing text: String) -> SecretBytes? {
        let bytes = [UInt8](text.utf8)
        guard bytes.count == 41, bytes.first == UInt8(ascii: "*") else { return nil }
        return Hex.decode([UInt8](bytes.dropFirst())).map { SecretBytes($0) }
    }

    /// The answer to a nonce of 20 bytes; nothing for an empty password, as the protocol wants. nil for another nonce.
    public static func response(password: SecretBytes, nonce: [UInt8]) -> [UInt8]? {
        guard nonce.count == nonceLength else { return nil }
        guard password.count > 0 else { return [] }
        return Digest.sha1(password).flatMap { response(passwordHash: $0, nonce: nonce) }
    }

    /// The same from `SHA1(password)`, which `verify` recovers from a client's login.
    public static func response(passwordHash: SecretBytes, nonce: [UInt8]) -> [UInt8]? {
        guard nonce.count == nonceLength, let stored = Digest.sha1(passwordHash) else { return nil }
        return Digest.sha1(.joined([SecretBytes(nonce), stored]))?.xor(passwordHash)?.revealed()
    }

    /// Checks a client's answer in constant time. If it is right, returns `SHA1(password)`, with which we can log in to
    /// a server as this user.
    public static func verify(response: RawSpan, storedHash: SecretBytes, nonce: [UInt8]) -> SecretBytes? {
        guard nonce.count == nonceLength, response.byteCount == 20 else { return nil }
        let mask = Digest.sha1(.joined([SecretBytes(nonce), storedHash]))
        guard let passwordHash = mask?.xor(SecretBytes(copying: response)) else { return nil }
        guard let candidate = Digest.sha1(passwordHash), candidate.equals(storedHash) else { return nil }
        return passwordHash
    }
}
