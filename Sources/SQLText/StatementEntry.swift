internal import ByteKit

/// One text a worker has seen, with what is known about it. It stays valid for whoever holds it after the cache has
/// dropped it. Not `Sendable`: it belongs to one worker.
@safe
public final class StatementEntry {
    /// The seeded hash of text and types, the same for the same bytes in one cache.
    public let hash: UInt64
    /// How many bytes of the key are text; the types follow.
    public let textLength: Int
    /// What the statements of the text are and do.
    public let facts: StatementFacts
    /// Unique in the cache and never used again, from 1.
    public let serial: UInt64
    /// Whether the cache keeps it; false for very long texts.
    public let cacheable: Bool

    /// The session settings the text was read under, see `LexerOptions.bits`.
    let optionBits: UInt32
    private let keyLength: Int
    private let key: UnsafeMutableRawBufferPointer
    /// Looked up since the clock hand last passed.
    var referenced = true
    /// What an audit trail says of it, once that was asked.
    public internal(set) var shape: StatementShape?
    /// The trace it belongs to, once its shape was asked.
    public internal(set) var trace: TraceContext?

    init(
        hash: UInt64, text: RawSpan, types: RawSpan, optionBits: UInt32, facts: StatementFacts, serial: UInt64,
        cacheable: Bool
    ) {
        self.hash = hash
        self.optionBits = optionBits
        self.textLength = text.byteCount
        self.facts = facts
        self.serial = serial
        self.cacheable = cacheable
        let count = text.byteCount &+ types.byteCount
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 8)
        unsafe text.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
        let length = text.byteCount
        unsafe types.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[length...]).copyMemory(from: $0)
        }
        unsafe key = unsafe bytes
        keyLength = count
    }

    deinit {
        unsafe key.deallocate()
    }

    /// How many bytes the key has.
    public var keyByteCount: Int { keyLength }

    /// The stored bytes: the text, and behind it the parameter types of a Parse message.
    @inline(__always)
    public func withKey<R>(_ body: (RawSpan) -> R) -> R {
        unsafe body(UnsafeRawBufferPointer(key).bytes.extracting(0..<keyLength))
    }

    /// The bytes of the text.
    @inline(__always)
    public func withText<R>(_ body: (RawSpan) -> R) -> R {
        unsafe body(UnsafeRawBufferPointer(key).bytes.extracting(0..<textLength))
    }

    /// A copy of the text, which cannot be printed.
    public var text: RawSQL { withText { RawSQL($0) } }

    @inline(__always)
    func matches(_ text: RawSpan, _ types: RawSpan, _ bits: UInt32) -> Bool {
        guard bits == optionBits, text.byteCount == textLength, text.byteCount &+ types.byteCount == keyLength else {
            return false
        }
        return withKey { stored in
            stored.extracting(0..<textLength).equals(text)
                && stored.extracting(textLength..<keyLength).equals(types)
        }
    }
}
