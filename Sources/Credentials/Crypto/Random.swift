import COpenSSL

/// `n` bytes from the cryptographic generator of libcrypto; none if `n` is not positive.
///
/// Stops the process if the system has no randomness to give: no login may go on with a nonce that can be guessed.
public func randomBytes(_ n: Int) -> [UInt8] {
    guard n > 0, let length = CInt(exactly: n) else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: n) { buffer, count in
        guard unsafe RAND_bytes(buffer.baseAddress, length) == 1 else {
            fatalError("libcrypto cannot provide random bytes")
        }
        count = n
    }
}
