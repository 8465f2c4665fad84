/// Reading integers and searching in spans of received bytes.
///
/// The `u8/i16/i32/u32/u64` family expects an offset the caller has already checked (`offset + width <= byteCount`);
/// an unchecked one stops the process, so code that walks untrusted bytes uses `ByteCursor` or compares lengths first.
public import Glibc

extension RawSpan {
    /// The byte at `offset`.
    @inlinable @inline(__always)
    public func u8(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// A big-endian signed 16-bit integer (PostgreSQL `Int16`).
    @inlinable @inline(__always)
    public func i16(at offset: Int) -> Int16 {
        unsafe Int16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Int16.self))
    }

    /// A big-endian signed 32-bit integer (PostgreSQL `Int32`).
    @inlinable @inline(__always)
    public func i32(at offset: Int) -> Int32 {
        unsafe Int32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self))
    }

    /// A big-endian unsigned 32-bit integer.
    @inlinable @inline(__always)
    public func u32(at offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// A 64-bit integer in the machine's own order, for hashing.
    @inlinable @inline(__always)
    package func native64(at offset: Int) -> UInt64 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// A 32-bit integer in the machine's own order, for hashing.
    @inlinable @inline(__always)
    package func native32(at offset: Int) -> UInt32 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }

    /// The offset of the first `byte` in `start..<end`, or nil. `memchr`, so 16 bytes or more beat any loop.
    @inlinable @inline(__always)
    public func firstIndex(of byte: UInt8, from start: Int, to end: Int) -> Int? {
        guard start >= 0, start < end, end <= byteCount else { return nil }
        return unsafe withUnsafeBytes { all -> Int? in
            guard let base = all.baseAddress else { return nil }
            guard let hit = unsafe memchr(base + start, CInt(byte), end &- start) else { return nil }
            return unsafe UnsafeRawPointer(hit) - base
        }
    }

    /// Whether the bytes of two spans are the same.
    @inlinable @inline(__always)
    public func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        guard byteCount > 0 else { return true }
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs in
                guard let a = mine.baseAddress, let b = theirs.baseAddress else { return true }
                return unsafe memcmp(a, b, mine.count) == 0
            }
        }
    }

    /// Whether the span holds exactly the bytes of a literal.
    @inlinable
    public func equals(_ text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        guard byteCount > 0 else { return true }
        return unsafe withUnsafeBytes { mine in
            guard let a = mine.baseAddress else { return true }
            return unsafe memcmp(a, text.utf8Start, mine.count) == 0
        }
    }

    /// A copy of the bytes, for what must outlive the buffer. Allocates.
    @inlinable
    public func toArray() -> [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
