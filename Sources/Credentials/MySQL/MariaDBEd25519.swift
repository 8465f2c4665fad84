import ByteKit
import COpenSSL

/// `client_ed25519` of MariaDB (MariaDB documentation, "Authentication Plugin - ed25519"): the answer to a nonce of 32
/// bytes is its Ed25519 signature (RFC 8032 section 5.1.6) with a key made from the password itself, where RFC 8032 has a
/// seed of 32 bytes. The server stores the public key.
public enum MariaDBEd25519 {
    /// The length of a nonce.
    public static let nonceLength = 32

    /// What a server stores: the public key.
    public static func publicKey(password: SecretBytes) -> [UInt8] {
        CurvePoint.multiplyingBase(by: Key(password).scalar).encoded
    }

    /// The stored form, as `mysql.global_priv` has it: Base64 without padding, 43 letters.
    public static func storedText(password: SecretBytes) -> String {
        String(decoding: Base64.encode(publicKey(password: password)).prefix(43), as: UTF8.self)
    }

    /// Reads the stored form.
    public static func publicKey(parsing text: String) -> [UInt8]? {
        let bytes = [UInt8](text.utf8)
        guard bytes.count == 43, let key = Base64.decode(bytes + [UInt8(ascii: "=")]), key.count == 32 else {
            return nil
        }
        return key
    }

    /// The answer to a nonce; nil for one that has not 32 bytes, or if the system forbids SHA-512. About 0.5 ms.
    public static func response(password: SecretBytes, nonce: [UInt8]) -> [UInt8]? {
        guard nonce.count == nonceLength else { return nil }
        let key = Key(password)
        let publicKey = CurvePoint.multiplyingBase(by: key.scalar).encoded
        guard let r = Order.reduce(Digest.sha512(key.prefix + nonce)) else { return nil }
        let point = CurvePoint.multiplyingBase(by: r).encoded
        guard let k = Order.reduce(Digest.sha512(point + publicKey + nonce)),
            let s = Order.multiplyAdd(k, key.scalar, r)
        else { return nil }
        return point + s
    }

    /// Checks a client's answer.
    public static func verify(response: RawSpan, publicKey: [UInt8], nonce: [UInt8]) -> Bool {
        guard nonce.count == nonceLength, publicKey.count == 32, response.byteCount == 64 else { return false }
        let key = unsafe EVP_PKEY_new_raw_public_key(CInt(EVP_PKEY_ED25519), nil, publicKey, publicKey.count)
        let context = unsafe EVP_MD_CTX_new()
        defer {
            unsafe EVP_MD_CTX_free(context)
            unsafe EVP_PKEY_free(key)
            ERR_clear_error()
        }
        guard unsafe key != nil, unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        let signature = response.toArray()
        return unsafe EVP_DigestVerify(context, signature, signature.count, nonce, nonce.count) == 1
    }

    /// The private part: a scalar of 32 bytes and what makes signatures unlike each other.
    private struct Key {
        let scalar: [UInt8]
        let prefix: [UInt8]

        init(_ password: SecretBytes) {
            var digest = password.withBytes { Digest.sha512($0.toArray()) }
            digest[0] &= 0xF8
            digest[31] = digest[31] & 0x3F | 0x40
            scalar = [UInt8](digest[..<32])
            prefix = [UInt8](digest[32...])
            wipe(&digest)
        }
    }

    /// Numbers modulo the order of the group, as bytes with the lowest first.
    private enum Order {
        private static let l: [UInt8] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ]

        static func reduce(_ bytes: [UInt8]) -> [UInt8]? {
            multiplyAdd(bytes, [1], [0])
        }

        /// a · b + c.
        static func multiplyAdd(_ a: [UInt8], _ b: [UInt8], _ c: [UInt8]) -> [UInt8]? {
            let context = unsafe BN_CTX_secure_new()
            let inputs: [[UInt8]] = [a, b, c, l]
            var numbers = unsafe inputs.map { bytes in
                unsafe BN_lebin2bn(bytes, CInt(truncatingIfNeeded: bytes.count), nil)
            }
            unsafe numbers.append(BN_new())
            defer {
                unsafe numbers.forEach { unsafe BN_clear_free($0) }
                unsafe BN_CTX_free(context)
            }
            var result = [UInt8](repeating: 0, count: 32)
            guard unsafe context != nil, unsafe numbers.allSatisfy({ unsafe $0 != nil }),
                unsafe BN_mod_mul(numbers[4], numbers[0], numbers[1], numbers[3], context) == 1,
                unsafe BN_mod_add(numbers[4], numbers[4], numbers[2], numbers[3], context) == 1,
                unsafe BN_bn2lebinpad(numbers[4], &result, 32) == 32
            else { return nil }
            return result
        }
    }
}
