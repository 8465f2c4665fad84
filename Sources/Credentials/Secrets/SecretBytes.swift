import COpenSSL

/// Bytes that cannot be printed: a password, a key, a stored verifier.
///
/// They live in memory of their own, never move, and are overwritten when the last reference goes. What they were made
/// from (an array, a String, a receive buffer) is the caller's to wipe. Immutable, so it may be used on any thread.
@safe public final class SecretBytes: Sendable, Unprintable {
    /// Owned: allocated by the designated initialiser, written only there, wiped and freed in `deinit`.
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

    /// `count` bytes which `fill` must all write. The memory holds zeros before.
    init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        unsafe storage = .allocate(byteCount: max(count, 0), alignment: 16)
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe fill(storage)
    }

    /// A copy of `bytes`.
    public convenience init(_ bytes: [UInt8]) {
        unsafe self.init(copying: bytes.span.bytes)
    }

    /// A copy of received bytes.
    public convenience init(copying bytes: RawSpan) {
        unsafe self.init(count: bytes.byteCount) { target in
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
    }

    /// A copy of the UTF-8 of `text`.
    public convenience init(_ text: String) {
        var text = text
        unsafe self.init(count: text.utf8.count) { target in
            text.withUTF8 { unsafe target.copyMemory(from: UnsafeRawBufferPointer($0)) }
        }
    }

    deinit {
        unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
        unsafe storage.deallocate()
    }

    /// How many bytes.
    public var count: Int { unsafe storage.count }

    /// Lends the bytes to `body`; they must not be copied into anything that can be printed.
    public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(storage))
        return try body(bytes)
    }

    /// Whether both hold the same bytes, in a time that depends on the lengths only.
    public func equals(_ other: SecretBytes) -> Bool {
        withBytes { mine in other.withBytes { theirs in constantTimeEquals(mine, theirs) } }
    }

    /// All parts one behind the other.
    static func joined(_ parts: [SecretBytes]) -> SecretBytes {
        let total = parts.reduce(0) { $0 &+ $1.count }
        return unsafe SecretBytes(count: total) { target in
            var offset = 0
            for part in parts {
                part.withBytes { bytes in
                    let place = unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...])
                    unsafe bytes.withUnsafeBytes { unsafe place.copyMemory(from: $0) }
                }
                offset &+= part.count
            }
        }
    }

    /// Both, byte by byte exclusive-or'ed; nil when their lengths differ.
    func xor(_ other: SecretBytes) -> SecretBytes? {
        guard other.count == count else { return nil }
        return unsafe SecretBytes(count: count) { target in
            for index in 0..<count {
                unsafe target[index] = storage[index] ^ other.storage[index]
            }
        }
    }

    /// A copy outside the protection of this type, for what is sent or stored.
    func revealed() -> [UInt8] {
        unsafe [UInt8](storage)
    }
}
