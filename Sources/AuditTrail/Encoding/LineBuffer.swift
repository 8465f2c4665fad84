import ByteKit
import Credentials
import Glibc

/// Bytes of records being put together. Like `ByteWriter`, with what records are made of: literals, decimal numbers
/// and hexadecimal in one copy each. What it holds can be read and overwritten in place.
@safe struct LineBuffer: ~Copyable {
    private(set) var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4096) {
        unsafe base = .allocate(capacity: max(capacity, 64))
        self.capacity = max(capacity, 64)
    }

    deinit { unsafe base.deallocate() }

    /// Forgets what was written and keeps the room, unless it has grown past `limit`.
    mutating func reset(keeping limit: Int = .max) {
        count = 0
        guard capacity > limit else { return }
        unsafe base.deallocate()
        unsafe base = .allocate(capacity: limit)
        capacity = limit
    }

    /// Takes back what was written from `mark` on.
    mutating func cut(to mark: Int) { if mark >= 0, mark < count { count = mark } }

    @inline(never)
    private mutating func grow(_ more: Int) {
        var larger = capacity
        while larger &- count < more { larger &*= 2 }
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe fresh.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = fresh
        capacity = larger
    }

    /// `more` bytes behind those written, counted as written.
    @inline(__always)
    private mutating func room(_ more: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity &- count < more { grow(more) }
        defer { count &+= more }
        return unsafe base + count
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) { unsafe room(1).pointee = value }

    @inline(__always)
    mutating func copy(_ from: UnsafeRawPointer, _ length: Int) {
        guard length > 0 else { return }
        unsafe memcpy(room(length), from, length)
    }

    @inline(__always)
    mutating func span(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe copy(from, source.count) }
        }
    }

    mutating func bytes(_ source: [UInt8]) {
        unsafe source.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe copy(from, source.count) }
        }
    }

    @inline(__always)
    mutating func literal(_ text: StaticString) { unsafe copy(text.utf8Start, text.utf8CodeUnitCount) }

    mutating func text(_ source: String) {
        var source = source
        source.withUTF8 { utf8 in
            if let from = utf8.baseAddress { unsafe copy(from, utf8.count) }
        }
    }

    /// Decimal, without leading zeros.
    mutating func decimal(_ value: UInt64) {
        if value < 10 { return byte(0x30 &+ UInt8(truncatingIfNeeded: value)) }
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &digits) { scratch in
            var rest = value
            var at = 20
            while rest > 0 {
                at &-= 1
                unsafe scratch[at] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            if let from = scratch.baseAddress { unsafe copy(from + at, 20 &- at) }
        }
    }

    /// `count` decimal digits, with leading zeros.
    @inline(__always)
    mutating func digits(_ value: UInt64, _ count: Int) {
        let here = unsafe room(count)
        var rest = value
        var at = count
        while at > 0 {
            at &-= 1
            unsafe here[at] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// The lowest `count` digits of `value` in hexadecimal.
    @inline(__always)
    mutating func hexadecimal(_ value: UInt64, digits count: Int) {
        let here = unsafe room(count)
        var rest = value
        var at = count
        while at > 0 {
            at &-= 1
            unsafe here[at] = Hex.digit(UInt8(truncatingIfNeeded: rest & 15))
            rest >>= 4
        }
    }

    /// The 64 digits of a hash.
    @inline(__always)
    mutating func hexadecimal(_ hash: ChainHash) {
        hexadecimal(hash.a.bigEndian, digits: 16)
        hexadecimal(hash.b.bigEndian, digits: 16)
        hexadecimal(hash.c.bigEndian, digits: 16)
        hexadecimal(hash.d.bigEndian, digits: 16)
    }

    /// Overwrites 64 bytes written before with the digits of a hash.
    mutating func overwrite(_ at: Int, with hash: ChainHash) {
        guard at >= 0, at &+ 64 <= count else { return }
        let end = count
        count = at
        hexadecimal(hash)
        count = end
    }

    /// Bytes written from `start` to `end`, for the length of a call.
    @inline(__always)
    borrowing func withBytes<R>(_ start: Int, _ end: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let from = min(max(start, 0), count)
        let to = min(max(end, from), count)
        return unsafe body(UnsafeRawBufferPointer(start: base + from, count: to &- from))
    }

    borrowing func withSpan<R>(_ body: (RawSpan) -> R) -> R {
        unsafe body(UnsafeRawBufferPointer(start: base, count: count).bytes)
    }

    /// A copy of what was written from `start` on.
    borrowing func array(from start: Int = 0) -> [UInt8] {
        unsafe withBytes(start, count) { unsafe [UInt8]($0) }
    }
}
