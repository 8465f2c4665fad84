/// A seeded 64-bit hash of bytes for the proxy's own tables (multiply-and-fold, in the manner of wyhash).
///
/// Not a cryptographic hash. The seed is random per process, so a client cannot choose keys that collide; tables still
/// compare the bytes themselves.
public struct Hash64: Sendable {
    @usableFromInline let seed: UInt64

    /// A hash with a seed of the caller's, for tests that must be repeatable.
    public init(seed: UInt64) { self.seed = seed }

    /// A hash with a random seed.
    public init() { self.init(seed: UInt64.random(in: .min ... .max)) }

    @inlinable @inline(__always)
    static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    /// The hash of all bytes of `bytes`. About 6 ns for 27 bytes and 20 ns for 200.
    @inlinable
    public func callAsFunction(_ bytes: RawSpan) -> UInt64 {
        let k0: UInt64 = 0xa076_1d64_78bd_642f
        let k1: UInt64 = 0xe703_7ed1_a0b4_28db
        let count = bytes.byteCount
        var state = seed ^ k0
        var offset = 0
        while count &- offset >= 16 {
            state = Self.fold(bytes.native64(at: offset) ^ k1, bytes.native64(at: offset &+ 8) ^ state)
            offset &+= 16
        }
        var a: UInt64 = 0
        var b: UInt64 = 0
        let rest = count &- offset
        if rest >= 8 {
            a = bytes.native64(at: offset)
            b = bytes.native64(at: count &- 8)
        } else if rest >= 4 {
            a = UInt64(bytes.native32(at: offset))
            b = UInt64(bytes.native32(at: count &- 4))
        } else if rest > 0 {
            a = UInt64(bytes.u8(at: offset)) << 16 | UInt64(bytes.u8(at: offset &+ rest >> 1)) << 8
            a |= UInt64(bytes.u8(at: count &- 1))
        }
        return Self.fold(k1 ^ UInt64(truncatingIfNeeded: count), Self.fold(a ^ k1, b ^ state))
    }

    /// A hash of a hash and a number, for composite keys.
    @inlinable @inline(__always)
    public func mix(_ hash: UInt64, _ other: UInt64) -> UInt64 { Self.fold(hash ^ seed, other ^ 0xa076_1d64_78bd_642f) }
}
