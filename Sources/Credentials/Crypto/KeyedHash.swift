/// HMAC-SHA-256 (RFC 2104) of values that may be compared and not read.
public enum KeyedHash {
    /// The 32 bytes for `message`.
    public static func sha256(key: SecretBytes, _ message: [UInt8]) -> [UInt8] {
        Digest.hmacSHA256(key: key, message).withBytes { unsafe $0.withUnsafeBytes { unsafe [UInt8]($0) } }
    }
}
