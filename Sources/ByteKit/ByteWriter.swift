/// Bytes being put together for sending: a growable buffer that is emptied and used again, so that steady use does not
/// allocate.
public struct ByteWriter: ~Copyable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8]

    /// A writer with room for `capacity` bytes.
    public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// How many bytes have been written.
    @inlinable public var count: Int { bytes.count }

    /// Forgets what was written and keeps the room, unless it has grown past `limit` bytes.
    public mutating func reset(keeping limit: Int = 1 << 18) {
        if bytes.capacity > limit { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
    }

    /// Hands over what was written and leaves the writer empty.
    public mutating func take() -> [UInt8] {
        let taken = bytes
        bytes = []
        return taken
    }

    /// One byte.
    @inline(__always)
    public mutating func u8(_ value: UInt8) { bytes.append(value) }

    /// A big-endian 16-bit integer.
    public mutating func i16(_ value: Int16) {
        let v = UInt16(bitPattern: value)
        bytes.append(UInt8(truncatingIfNeeded: v >> 8))
        bytes.append(UInt8(truncatingIfNeeded: v))
    }

    /// A big-endian 32-bit integer.
    public mutating func i32(_ value: Int32) { u32(UInt32(bitPattern: value)) }

    /// A big-endian unsigned 32-bit integer.
    public mutating func u32(_ value: UInt32) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 24))
        bytes.append(UInt8(truncatingIfNeeded: value >> 16))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    /// Bytes as they are.
    public mutating func span(_ span: RawSpan) {
        unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Bytes as they are.
    public mutating func raw(_ source: [UInt8]) { bytes.append(contentsOf: source) }

    /// Text as UTF-8, without a terminator.
    public mutating func text(_ source: String) { bytes.append(contentsOf: source.utf8) }

    /// Text as UTF-8 with a terminating NUL; NULs inside are dropped, so that one string stays one string.
    public mutating func cString(_ source: String) {
        for byte in source.utf8 where byte != 0 { bytes.append(byte) }
        bytes.append(0)
    }

    /// A non-negative integer in decimal.
    public mutating func decimal(_ value: UInt64) {
        if value >= 10 { decimal(value / 10) }
        bytes.append(0x30 &+ UInt8(truncatingIfNeeded: value % 10))
    }

    /// An unsigned integer in lower-case hexadecimal without leading zeros.
    public mutating func hexadecimal(_ value: UInt64) {
        if value >= 16 { hexadecimal(value >> 4) }
        let digit = UInt8(truncatingIfNeeded: value & 15)
        bytes.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
    }

    /// Starts a message of the PostgreSQL shape (tag, 32-bit length that counts itself); answers where its length is.
    public mutating func begin(_ tag: UInt8) -> Int {
        bytes.append(tag)
        return beginUntagged()
    }

    /// Starts a message that has a length and no tag (start-up packets).
    public mutating func beginUntagged() -> Int {
        let mark = bytes.count
        u32(0)
        return mark
    }

    /// Ends the message begun at `mark` by filling in its length.
    public mutating func end(_ mark: Int) {
        guard mark >= 0, mark &+ 4 <= bytes.count else { return }
        patch(mark, UInt32(truncatingIfNeeded: bytes.count &- mark))
    }

    /// Overwrites the big-endian 32-bit integer written at `mark`.
    public mutating func patch(_ mark: Int, _ length: UInt32) {
        guard mark >= 0, mark &+ 4 <= bytes.count else { return }
        bytes[mark] = UInt8(truncatingIfNeeded: length >> 24)
        bytes[mark &+ 1] = UInt8(truncatingIfNeeded: length >> 16)
        bytes[mark &+ 2] = UInt8(truncatingIfNeeded: length >> 8)
        bytes[mark &+ 3] = UInt8(truncatingIfNeeded: length)
    }

    /// Overwrites the little-endian 24-bit integer written at `mark`.
    public mutating func patch24(_ mark: Int, _ value: Int) {
        guard mark >= 0, mark &+ 3 <= bytes.count else { return }
        bytes[mark] = UInt8(truncatingIfNeeded: value)
        bytes[mark &+ 1] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[mark &+ 2] = UInt8(truncatingIfNeeded: value >> 16)
    }

    /// Takes back what was written from `mark` on.
    public mutating func takeBack(to mark: Int) -> [UInt8] {
        guard mark >= 0, mark <= bytes.count else { return [] }
        let taken = [UInt8](bytes[mark...])
        bytes.removeLast(bytes.count &- mark)
        return taken
    }

    /// A view of what was written.
    public borrowing func withBytes<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        try unsafe bytes.withUnsafeBytes { try unsafe body($0.bytes) }
    }
}

extension Array where Element == UInt8 {
    /// The array's bytes as a span, for the length of a call.
    @inlinable
    public func withSpan<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        try unsafe withUnsafeBytes { try unsafe body($0.bytes) }
    }
}
