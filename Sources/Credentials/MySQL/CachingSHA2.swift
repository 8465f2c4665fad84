/// The quick way of `caching_sha2_password` (MySQL protocol documentation, "Caching_sha2_password information"):
///
///     answer = SHA256(password) xor SHA256(SHA256(SHA256(password)) + nonce)
///
/// A server can check it only if it has `SHA256(SHA256(password))`, which is not what is stored: it comes from a login
/// the slow way, with the password itself over TLS or RSA.
public enum CachingSHA2 {
    /// The length of a nonce, without the NUL it is sent with.
    public static let nonceLength = 20

    /// What a server keeps in memory after a login the slow way.
    public static func cachedHash(password: SecretBytes) -> SecretBytes {
        Digest.sha256(Digest.sha256(password))
    }

    /// The answer to a nonce of 20 bytes; nothing for an empty password, as the protocol wants. nil for another nonce.
    public static func response(password: SecretBytes, nonce: [UInt8]) -> [UInt8]? {
        guard nonce.count == nonceLength else { return nil }
        guard password.count > 0 else { return [] }
        return response(passwordHash: Digest.sha256(password), nonce: nonce)
    }

    /// The same from `SHA256(password)`, which `verify` recovers from a client's login.
    public static func response(passwordHash: SecretBytes, nonce: [UInt8]) -> [UInt8]? {
        guard nonce.count == nonceLength else { return nil }
        let stored = Digest.sha256(passwordHash)
        return Digest.sha256(.joined([stored, SecretBytes(nonce)])).xor(passwordHash)?.revealed()
    }

    /// Checks a client's answer in constant time. If it is right, returns `SHA256(password)`, with which we can log
    /// in to a server as this user the quick way.
    public static func verify(response: RawSpan, cachedHash: SecretBytes, nonce: [UInt8]) -> SecretBytes? {
        guard nonce.count == nonceLength, response.byteCount == Digest.sha256Size else { return nil }
        let mask = Digest.sha256(.joined([cachedHash, SecretBytes(nonce)]))
        guard let passwordHash = mask.xor(SecretBytes(copying: response)) else { return nil }
        return Digest.sha256(passwordHash).equals(cachedHash) ? passwordHash : nil
    }
}
