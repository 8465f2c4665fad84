import COpenSSL

/// Whether both hold the same bytes. The time taken depends on the lengths only, so a guess learns nothing from it.
public func constantTimeEquals(_ a: RawSpan, _ b: RawSpan) -> Bool {
    guard a.byteCount == b.byteCount else { return false }
    guard a.byteCount > 0 else { return true }
    return unsafe a.withUnsafeBytes { mine in
        unsafe b.withUnsafeBytes { theirs in
            unsafe CRYPTO_memcmp(mine.baseAddress, theirs.baseAddress, mine.count) == 0
        }
    }
}

/// Whether both hold the same bytes, in constant time.
public func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    unsafe constantTimeEquals(a.span.bytes, b.span.bytes)
}
