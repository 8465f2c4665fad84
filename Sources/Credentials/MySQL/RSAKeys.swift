import COpenSSL

/// A server's public key, under which a password is sent where there is no TLS (`sha256_password`,
/// `caching_sha2_password`).
@safe public final class RSAPublicKey: Sendable {
    /// Owned: freed in `deinit`. Used by libcrypto for reading only, so any thread may.
    private nonisolated(unsafe) let key: OpaquePointer

    /// Reads a key in PEM, as servers send it. nil for anything but an RSA key of 1024 to 16384 bits.
    public init?(pem: [UInt8]) {
        guard !pem.isEmpty, pem.count <= 16_384 else { return nil }
        defer { ERR_clear_error() }
        let source = unsafe BIO_new_mem_buf(pem, CInt(truncatingIfNeeded: pem.count))
        defer { unsafe BIO_free(source) }
        guard let key = unsafe PEM_read_bio_PUBKEY(source, nil, nil, nil) else { return nil }
        guard unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
            (1024...16_384).contains(unsafe EVP_PKEY_get_bits(key))
        else {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// A password with its NUL, made unlike every other time by the server's nonce, under the key (RSAES-OAEP). nil if it
    /// is too long for the key.
    public func encrypt(password: SecretBytes, nonce: [UInt8]) -> [UInt8]? {
        guard var message = Obscured.bytes(.joined([password, SecretBytes([0])]), nonce) else { return nil }
        defer {
            wipe(&message)
            ERR_clear_error()
        }
        return unsafe RSAOperation.run(key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, message)
    }
}

/// Our own key, under which clients send their passwords where there is no TLS.
@safe public final class RSAKeyPair: Sendable {
    /// Owned: freed in `deinit`. Used by libcrypto for reading only, so any thread may.
    private nonisolated(unsafe) let key: OpaquePointer
    /// The public part in PEM, as it is sent to clients.
    public let publicPEM: [UInt8]

    /// A fresh key of 2048 bits. Slow: some 100 ms, so never on an event loop. nil if libcrypto cannot.
    public init?() {
        defer { ERR_clear_error() }
        let context = unsafe EVP_PKEY_CTX_new_id(CInt(EVP_PKEY_RSA), nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var fresh: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1,
            unsafe EVP_PKEY_keygen(context, &fresh) == 1, let key = unsafe fresh
        else { return nil }
        let target = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(target) }
        var pem = [UInt8](repeating: 0, count: 4096)
        guard unsafe PEM_write_bio_PUBKEY(target, key) == 1,
            case let count = unsafe Int(BIO_read(target, &pem, CInt(truncatingIfNeeded: pem.count))), count > 0
        else {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        publicPEM = [UInt8](pem[..<count])
        unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// The password a client sent under the key, without its NUL; nil for what is none. About 1 ms.
    public func decrypt(_ message: [UInt8], nonce: [UInt8]) -> SecretBytes? {
        defer { ERR_clear_error() }
        guard var plain = unsafe RSAOperation.run(key, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, message) else {
            return nil
        }
        defer { wipe(&plain) }
        guard var password = Obscured.bytes(SecretBytes(plain), nonce), password.last == 0 else { return nil }
        defer { wipe(&password) }
        return SecretBytes([UInt8](password.dropLast()))
    }
}

private enum Obscured {
    /// The bytes exclusive-or'ed with the nonce, over and over.
    static func bytes(_ secret: SecretBytes, _ nonce: [UInt8]) -> [UInt8]? {
        guard !nonce.isEmpty else { return nil }
        var bytes = secret.revealed()
        for index in bytes.indices { bytes[index] ^= nonce[index % nonce.count] }
        return bytes
    }
}

private enum RSAOperation {
    typealias Start = (OpaquePointer?) -> CInt
    typealias Work = (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>?, UnsafePointer<UInt8>?, Int
    )
        -> CInt

    /// One operation with OAEP padding; nil if libcrypto refuses.
    static func run(_ key: OpaquePointer, _ start: Start, _ work: Work, _ input: [UInt8]) -> [UInt8]? {
        let context = unsafe EVP_PKEY_CTX_new(key, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var count = 0
        guard unsafe context != nil, unsafe start(context) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
            unsafe work(context, nil, &count, input, input.count) == 1, count > 0, count <= 1 << 16
        else { return nil }
        var output = [UInt8](repeating: 0, count: count)
        guard unsafe work(context, &output, &count, input, input.count) == 1, count <= output.count else { return nil }
        output.removeLast(output.count &- count)
        return output
    }
}
