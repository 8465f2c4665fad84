import ByteKit
import COpenSSL

/// An Ed25519 key that signs (RFC 8032).
@safe public final class SigningKey: Sendable {
    /// Owned: freed in `deinit`. Used by libcrypto for reading only, so any thread may.
    private nonisolated(unsafe) let key: OpaquePointer
    /// What others check its signatures with.
    public let publicKey: VerifyingKey

    /// A fresh key; nil if libcrypto cannot.
    public convenience init?() { self.init(seed: SecretBytes(randomBytes(32))) }

    /// The key of a seed of 32 bytes; nil for another length.
    public convenience init?(seed: SecretBytes) {
        let made: OpaquePointer? = unsafe seed.withBytes { seed in
            unsafe seed.withUnsafeBytes { seed in
                unsafe EVP_PKEY_new_raw_private_key(
                    CInt(EVP_PKEY_ED25519), nil, seed.bindMemory(to: UInt8.self).baseAddress, seed.count)
            }
        }
        unsafe self.init(owning: made)
    }

    /// Reads a key in PEM (PKCS #8); nil for anything but an Ed25519 key without a passphrase.
    public convenience init?(pem: SecretBytes) {
        guard let read = try? unsafe PEM.key(pem) else { return nil }
        unsafe self.init(owning: read)
    }

    private init?(owning key: OpaquePointer?) {
        defer { ERR_clear_error() }
        guard let key = unsafe key else { return nil }
        var raw = [UInt8](repeating: 0, count: 32)
        var count = raw.count
        guard unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519,
            unsafe EVP_PKEY_get_raw_public_key(key, &raw, &count) == 1, let publicKey = VerifyingKey(raw: raw)
        else {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        unsafe self.key = key
        self.publicKey = publicKey
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// The key itself in PEM (PKCS #8), to be kept in a file nobody else may read.
    public var pem: SecretBytes? {
        let target = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(target) }
        var pem = [UInt8](repeating: 0, count: 1024)
        defer { wipe(&pem) }
        guard unsafe PEM_write_bio_PrivateKey(target, key, nil, nil, 0, nil, nil) == 1,
            case let count = unsafe Int(BIO_read(target, &pem, CInt(truncatingIfNeeded: pem.count))), count > 0
        else { return nil }
        return pem.withSpan { SecretBytes(copying: $0.extracting(0..<count)) }
    }

    /// The 64 bytes of a signature; about 30 µs.
    public func sign(_ message: [UInt8]) -> [UInt8]? {
        let context = unsafe EVP_MD_CTX_new()
        defer {
            unsafe EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            unsafe EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == 64
        else { return nil }
        return signature
    }
}

/// The public half of a `SigningKey`.
@safe public final class VerifyingKey: Sendable {
    /// Owned: freed in `deinit`. Used by libcrypto for reading only, so any thread may.
    private nonisolated(unsafe) let key: OpaquePointer
    /// Its 32 bytes (RFC 8032).
    public let raw: [UInt8]
    /// Sixteen hexadecimal digits that stand for it: the beginning of its SHA-256.
    public let id: String

    /// The key of 32 bytes; nil for what is none.
    public init?(raw: [UInt8]) {
        defer { ERR_clear_error() }
        guard raw.count == 32,
            let key = unsafe EVP_PKEY_new_raw_public_key(CInt(EVP_PKEY_ED25519), nil, raw, raw.count)
        else { return nil }
        unsafe self.key = key
        self.raw = raw
        id = String(raw.withSpan { SHA256Value(of: $0) }.hexadecimal.prefix(16))
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// Reads one key in PEM (SubjectPublicKeyInfo); nil for anything but an Ed25519 key.
    public convenience init?(pem: [UInt8]) {
        guard !pem.isEmpty, pem.count <= 16_384 else { return nil }
        defer { ERR_clear_error() }
        let source = unsafe BIO_new_mem_buf(pem, CInt(truncatingIfNeeded: pem.count))
        defer { unsafe BIO_free(source) }
        guard let read = unsafe PEM_read_bio_PUBKEY(source, nil, nil, nil) else { return nil }
        defer { unsafe EVP_PKEY_free(read) }
        var raw = [UInt8](repeating: 0, count: 32)
        var count = raw.count
        guard unsafe EVP_PKEY_get_base_id(read) == EVP_PKEY_ED25519,
            unsafe EVP_PKEY_get_raw_public_key(read, &raw, &count) == 1
        else { return nil }
        self.init(raw: raw)
    }

    /// In PEM (SubjectPublicKeyInfo).
    public var pem: [UInt8] {
        // The structure around the 32 bytes is the same for every key (RFC 8410 section 4).
        let head: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        let body = String(decoding: Base64.encode(head + raw), as: UTF8.self)
        return Array("-----BEGIN PUBLIC KEY-----\n\(body)\n-----END PUBLIC KEY-----\n".utf8)
    }

    /// Whether the signature is this key's under the message.
    public func isSignature(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard signature.count == 64 else { return false }
        let context = unsafe EVP_MD_CTX_new()
        defer {
            unsafe EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        return unsafe EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
