import Glibc

/// Bytes being put together for sending: a growable block that is emptied and used again, so that steady use does not
/// allocate. A block of its own and not an array, which would be looked at for other owners at every byte.
@safe public struct ByteWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    /// How many bytes have been written.
    public private(set) var count = 0

    /// A writer with room for `capacity` bytes.
    public init(capacity: Int = 0) {
        unsafe base = nil
        if capacity > 0 { grow(capacity) }
    }

    deinit { unsafe base?.deallocate() }

    /// Forgets what was written and keeps the room, unless it has grown past `limit` bytes.
    public mutating func reset(keeping limit: Int = 1 << 18) {
        count = 0
        if capacity > limit { release() }
    }

    /// Hands over what was written and leaves the writer empty.
    public mutating func take() -> [UInt8] {
        let taken = unsafe [UInt8](UnsafeBufferPointer(start: base, count: count))
        release()
        return taken
    }

    private mutating func release() {
        unsafe base?.deallocate()
        unsafe base = nil
        capacity = 0
        count = 0
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        var larger = max(64, capacity)
        while larger &- count < more { larger &*= 2 }
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        if let old = unsafe base {
            unsafe fresh.update(from: old, count: count)
            unsafe old.deallocate()
        }
        unsafe base = fresh
        capacity = larger
    }

    /// Room for `more` bytes behind those written, which are counted as written already.
    @inline(__always)
    private mutating func room(_ more: Int) -> UnsafeMutablePointer<UInt8>? {
        if capacity &- count < more { grow(more) }
        let here = unsafe base.map { unsafe $0 + count }
        count &+= more
        return unsafe here
    }

    /// One byte.
    @inline(__always)
    public mutating func u8(_ value: UInt8) { unsafe room(1)?.pointee = value }

    /// A big-endian 16-bit integer.
    public mutating func i16(_ value: Int16) {
        guard let here = unsafe room(2) else { return }
        unsafe UnsafeMutableRawPointer(here).storeBytes(of: value.bigEndian, as: Int16.self)
    }

    /// A big-endian 32-bit integer.
    public mutating func i32(_ value: Int32) { u32(UInt32(bitPattern: value)) }

    /// A big-endian unsigned 32-bit integer.
    public mutating func u32(_ value: UInt32) {
        guard let here = unsafe room(4) else { return }
        unsafe UnsafeMutableRawPointer(here).storeBytes(of: value.bigEndian, as: UInt32.self)
    }

    /// Bytes as they are.
    public mutating func span(_ span: RawSpan) {
        unsafe span.withUnsafeBytes { unsafe copy($0) }
    }

    /// Bytes as they are.
    public mutating func raw(_ source: [UInt8]) {
        unsafe source.withUnsafeBytes { unsafe copy($0) }
    }

    /// Lets `body` write to the room behind what was written, `most` bytes of it; it answers how many it has written.
    @unsafe
    package mutating func fill(upTo most: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        guard most > 0, let here = unsafe room(most) else { return 0 }
        let written = min(max(unsafe body(UnsafeMutableRawBufferPointer(start: here, count: most)), 0), most)
        count &-= most &- written
        return written
    }

    private mutating func copy(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0, let here = unsafe room(source.count) else { return }
        unsafe memcpy(here, from, source.count)
    }

    /// Text as UTF-8, without a terminator.
    public mutating func text(_ source: String) {
        for byte in source.utf8 { u8(byte) }
    }

    /// Text as UTF-8 with a terminating NUL; NULs inside are dropped, so that one string stays one string.
    public mutating func cString(_ source: String) {
        for byte in source.utf8 where byte != 0 { u8(byte) }
        u8(0)
    }

    /// A non-negative integer in decimal.
    public mutating func decimal(_ value: UInt64) {
        if value >= 10 { decimal(value / 10) }
        u8(0x30 &+ UInt8(truncatingIfNeeded: value % 10))
    }

    /// An unsigned integer in lower-case hexadecimal without leading zeros.
    public mutating func hexadecimal(_ value: UInt64) {
        if value >= 16 { hexadecimal(value >> 4) }
        let digit = UInt8(truncatingIfNeeded: value & 15)
        u8(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
    }

    /// Starts a message of the PostgreSQL shape (tag, 32-bit length that counts itself); answers where its length is.
    public mutating func begin(_ tag: UInt8) -> Int {
        u8(tag)
        return beginUntagged()
    }

    /// Starts a message that has a length and no tag (start-up packets).
    public mutating func beginUntagged() -> Int {
        let mark = count
        u32(0)
        return mark
    }

    /// Ends the message begun at `mark` by filling in its length.
    public mutating func end(_ mark: Int) {
        guard mark >= 0, mark &+ 4 <= count else { return }
        patch(mark, UInt32(truncatingIfNeeded: count &- mark))
    }

    /// Overwrites the big-endian 32-bit integer written at `mark`.
    public mutating func patch(_ mark: Int, _ length: UInt32) {
        guard mark >= 0, mark &+ 4 <= count, let base = unsafe base else { return }
        unsafe UnsafeMutableRawPointer(base + mark).storeBytes(of: length.bigEndian, as: UInt32.self)
    }

    /// What was written, for the length of a call.
    public borrowing func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Overwrites the little-endian 24-bit integer written at `mark`.
    public mutating func patch24(_ mark: Int, _ value: Int) {
        guard mark >= 0, mark &+ 3 <= count, let base = unsafe base else { return }
        unsafe base[mark] = UInt8(truncatingIfNeeded: value)
        unsafe base[mark &+ 1] = UInt8(truncatingIfNeeded: value >> 8)
        unsafe base[mark &+ 2] = UInt8(truncatingIfNeeded: value >> 16)
    }

    /// Overwrites the byte written at `mark`.
    @inline(__always)
    public mutating func patch8(_ mark: Int, _ value: UInt8) {
        guard mark >= 0, mark < count, let base = unsafe base else { return }
        unsafe base[mark] = value
    }

    /// Takes back what was written from `mark` on.
    public mutating func takeBack(to mark: Int) -> [UInt8] {
        guard mark >= 0, mark <= count, let base = unsafe base else { return [] }
        let taken = unsafe [UInt8](UnsafeBufferPointer(start: base + mark, count: count &- mark))
        count = mark
        return taken
    }

    /// A view of what was written.
    public borrowing func withBytes<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        try unsafe withUnsafeBytes { try unsafe body($0.bytes) }
    }
}

extension Array where Element == UInt8 {
    /// The array's bytes as a span, for the length of a call.
    @inlinable
    public func withSpan<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        try unsafe withUnsafeBytes { try unsafe body($0.bytes) }
    }
}
