/// A reader over the body of one message: every read is checked and answers nil past the end, so that no length and no
/// missing terminator a peer sends can stop the process.
public struct ByteCursor: ~Escapable {
    /// What is being read.
    public let bytes: RawSpan
    /// Where the next read starts.
    public private(set) var offset: Int

    /// A cursor at the start of `bytes`.
    @_lifetime(copy bytes)
    @inlinable public init(_ bytes: RawSpan) {
        self.init(bytes, at: 0)
    }

    /// A cursor at `offset` of `bytes`; an offset outside reads nothing.
    @_lifetime(copy bytes)
    @usableFromInline init(_ bytes: RawSpan, at offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// How many bytes are left.
    public var remaining: Int { bytes.byteCount &- offset }

    /// One byte.
    @_lifetime(self: copy self)
    public mutating func u8() -> UInt8? {
        guard remaining >= 1 else { return nil }
        defer { offset &+= 1 }
        return bytes.u8(at: offset)
    }

    /// A big-endian signed 16-bit integer.
    @_lifetime(self: copy self)
    public mutating func i16() -> Int16? {
        guard remaining >= 2 else { return nil }
        defer { offset &+= 2 }
        return bytes.i16(at: offset)
    }

    /// A big-endian signed 32-bit integer.
    @_lifetime(self: copy self)
    public mutating func i32() -> Int32? {
        guard remaining >= 4 else { return nil }
        defer { offset &+= 4 }
        return bytes.i32(at: offset)
    }

    /// The range of a NUL-terminated string, without the NUL; the cursor moves past it. nil when no NUL is left.
    @_lifetime(self: copy self)
    public mutating func cString() -> Range<Int>? {
        guard let end = bytes.firstIndex(of: 0, from: offset, to: bytes.byteCount) else { return nil }
        defer { offset = end &+ 1 }
        return offset..<end
    }

    /// The range of the next `count` bytes.
    @_lifetime(self: copy self)
    public mutating func take(_ count: Int) -> Range<Int>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { offset &+= count }
        return offset..<(offset &+ count)
    }

    /// The text of a range read before, as a String; invalid UTF-8 is repaired. Allocates.
    public func string(_ range: Range<Int>) -> String {
        unsafe bytes.extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
