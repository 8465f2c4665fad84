import COpenSSL

/// The hash functions the login methods use. Results are secrets, as most of them stand for a password.
///
/// SHA-256 is always there; MD5 and SHA-1 are nil where the system's policy (FIPS) forbids them.
enum Digest {
    /// The size of a SHA-256 value.
    static let sha256Size = 32

    static func sha256(_ secret: SecretBytes) -> SecretBytes {
        guard let digest = unsafe hash(secret, EVP_sha256(), size: sha256Size) else {
            preconditionFailure("libcrypto without SHA-256")
        }
        return digest
    }

    /// SHA-256 into memory the caller wipes; `digest` has 32 bytes before.
    static func sha256(_ message: [UInt8], into digest: inout [UInt8]) {
        guard digest.count == sha256Size else { preconditionFailure("SHA-256 needs 32 bytes") }
        let result = unsafe message.withUnsafeBytes { message in
            unsafe EVP_Digest(message.baseAddress, message.count, &digest, nil, EVP_sha256(), nil)
        }
        guard result == 1 else { preconditionFailure("libcrypto without SHA-256") }
    }

    /// SHA-512 of bytes the caller wipes.
    static func sha512(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        let result = unsafe EVP_Digest(message, message.count, &digest, nil, EVP_sha512(), nil)
        guard result == 1 else { preconditionFailure("libcrypto without SHA-512") }
        return digest
    }

    static func md5(_ secret: SecretBytes) -> SecretBytes? {
        unsafe hash(secret, EVP_md5(), size: 16)
    }

    static func sha1(_ secret: SecretBytes) -> SecretBytes? {
        unsafe hash(secret, EVP_sha1(), size: 20)
    }

    /// HMAC-SHA-256 (RFC 2104).
    static func hmacSHA256(key: SecretBytes, _ message: [UInt8]) -> SecretBytes {
        guard let keyLength = CInt(exactly: key.count) else { preconditionFailure("HMAC key beyond 2 GiB") }
        return unsafe SecretBytes(count: sha256Size) { target in
            key.withBytes { key in
                unsafe key.withUnsafeBytes { key in
                    unsafe message.withUnsafeBytes { message in
                        let output = unsafe target.bindMemory(to: UInt8.self).baseAddress
                        let input = unsafe message.bindMemory(to: UInt8.self).baseAddress
                        let result = unsafe HMAC(
                            EVP_sha256(), key.baseAddress, keyLength, input, message.count, output, nil)
                        guard unsafe result != nil else { preconditionFailure("libcrypto without HMAC-SHA-256") }
                    }
                }
            }
        }
    }

    /// PBKDF2 with HMAC-SHA-256 and a result of 32 bytes (RFC 8018 section 5.2). Time linear in `iterations`: about
    /// 1.5 ms for 4096, so never on an event loop.
    static func pbkdf2SHA256(password: SecretBytes, salt: [UInt8], iterations: Int) -> SecretBytes {
        guard let passwordLength = CInt(exactly: password.count), let saltLength = CInt(exactly: salt.count) else {
            preconditionFailure("password or salt beyond 2 GiB")
        }
        let rounds = CInt(clamping: max(iterations, 1))
        return unsafe SecretBytes(count: sha256Size) { target in
            password.withBytes { password in
                unsafe password.withUnsafeBytes { password in
                    let output = unsafe target.bindMemory(to: UInt8.self).baseAddress
                    let input = unsafe password.bindMemory(to: CChar.self).baseAddress
                    let result = unsafe PKCS5_PBKDF2_HMAC(
                        input, passwordLength, salt, saltLength, rounds, EVP_sha256(), CInt(sha256Size), output)
                    guard result == 1 else { preconditionFailure("libcrypto without PBKDF2") }
                }
            }
        }
    }

    private static func hash(_ secret: SecretBytes, _ algorithm: OpaquePointer?, size: Int) -> SecretBytes? {
        var isDone = false
        let digest = unsafe SecretBytes(count: size) { target in
            secret.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { bytes in
                    let output = unsafe target.bindMemory(to: UInt8.self).baseAddress
                    isDone = unsafe EVP_Digest(bytes.baseAddress, bytes.count, output, nil, algorithm, nil) == 1
                }
            }
        }
        return isDone ? digest : nil
    }
}
