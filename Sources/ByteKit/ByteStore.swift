import Glibc

/// Bytes a connection must keep: received and not yet dealt with, or not yet sent. Owns no memory while empty, so an
/// idle connection costs no buffer; the block comes from and returns to the thread's allocator, whose size classes are
/// the slab.
@safe public struct ByteStore: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    /// An empty store.
    public init() { unsafe base = nil }

    deinit { unsafe free(base) }

    /// How many bytes are kept.
    @inline(__always)
    public var count: Int { end &- start }

    /// Whether none are.
    @inline(__always)
    public var isEmpty: Bool { end == start }

    /// Adds bytes at the end.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        if let base = unsafe base { unsafe (base + end).copyMemory(from: source, byteCount: bytes.count) }
        end &+= bytes.count
    }

    /// Makes room for `more` bytes behind the last.
    public mutating func reserve(_ more: Int) {
        if capacity &- end >= more { return }
        let wanted = count &+ more
        if start > 0 && capacity >= wanted && start >= count, let base = unsafe base {
            unsafe base.copyMemory(from: base + start, byteCount: count)
        } else {
            var larger = max(64, capacity)
            while larger < wanted { larger &*= 2 }
            // What Swift allocates comes from posix_memalign, which is dearer than malloc.
            guard let fresh = unsafe malloc(larger) else { preconditionFailure("out of memory") }
            if let base = unsafe base {
                unsafe fresh.copyMemory(from: base + start, byteCount: count)
                unsafe free(base)
            }
            unsafe base = fresh
            capacity = larger
        }
        end = count
        start = 0
    }

    /// The room behind the last byte, to receive into; then `extend`.
    public mutating func withRoom<R>(_ body: (UnsafeMutableRawBufferPointer) -> R) -> R {
        guard let base = unsafe base else { return unsafe body(UnsafeMutableRawBufferPointer(start: nil, count: 0)) }
        return unsafe body(UnsafeMutableRawBufferPointer(start: base + end, count: capacity &- end))
    }

    /// Counts bytes that were written into the room.
    public mutating func extend(_ more: Int) { end = min(capacity, end &+ max(0, more)) }

    /// Forgets the first `amount` bytes, and the memory with the last of them.
    public mutating func drop(_ amount: Int) {
        start = min(end, start &+ max(0, amount))
        if start == end { clear() }
    }

    /// Forgets everything and gives the memory back.
    public mutating func clear() {
        unsafe free(base)
        unsafe base = nil
        capacity = 0
        start = 0
        end = 0
    }

    /// Hands the kept bytes to `body`, which must not change the store.
    public borrowing func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        guard let base = unsafe base else { return unsafe body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return unsafe body(UnsafeRawBufferPointer(start: base + start, count: count))
    }

    /// Moves everything out, leaving the store empty.
    public mutating func take() -> ByteStore {
        var other = ByteStore()
        unsafe other.base = base
        other.capacity = capacity
        other.start = start
        other.end = end
        unsafe base = nil
        capacity = 0
        start = 0
        end = 0
        return other
    }
}
