import Settings
import Synchronization

/// What lies in the ring.
enum FrameType: UInt8 {
    /// The rest up to the end of the block is unused.
    case skip
    case statement, event
    case session, endSession, shape, backend
}

/// The head of a frame, in one word: length of the whole frame (a multiple of 8), type, mode.
struct FrameHead {
    let word: UInt64
    init(word: UInt64) { self.word = word }
    init(length: Int, _ type: FrameType, _ mode: AuditMode = .buffered) {
        word = UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(type.rawValue) << 32 | UInt64(mode.code) << 40
    }
    var length: Int { Int(UInt32(truncatingIfNeeded: word)) }
    var type: FrameType? { FrameType(rawValue: UInt8(truncatingIfNeeded: word >> 32)) }
    var mode: AuditMode { AuditMode(code: UInt8(truncatingIfNeeded: word >> 40)) }
    static let size = 8
}

extension AuditMode {
    var code: UInt8 {
        switch self {
        case .relaxed: 0
        case .buffered: 1
        case .strict: 2
        }
    }
    init(code: UInt8) { self = code == 0 ? .relaxed : code == 1 ? .buffered : .strict }
}

/// Counts of records by class of statement; the last one is everything that is no statement.
struct LossCounts: ~Copyable, Sendable {
    static let events = StatementClass.allCases.count
    static let count = events + 1
    private let cells: [Cell] = (0..<count).map { _ in Cell() }
    private final class Cell: Sendable { let value = Atomic<UInt64>(0) }

    func add(_ index: Int) {
        if index >= 0, index < cells.count { cells[index].value.add(1, ordering: .relaxed) }
    }
    /// Takes what was counted.
    func take() -> [UInt64] { cells.map { $0.value.exchange(0, ordering: .relaxed) } }
}

/// Bytes from one producer to the writer: one thread puts frames in, another takes them out, and neither ever waits for
/// the other.
///
///     [head word][payload, padded to 8 bytes][head word][payload] … [skip to the end]
///
/// Positions count bytes since the start and never turn back. A frame lies in one piece; the one that would not fit
/// before the end of the block is put at its beginning.
@safe final class AuditRing: @unchecked Sendable {
    // Safe to share: bytes between `tail` and `head` belong to the consumer, all others to the producer; each moves its
    // own edge only after it is done with the bytes.
    private let base: UnsafeMutableRawPointer
    let capacity: Int
    private let mask: UInt64

    private let line0: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// Where the producer has got to.
    let head = Atomic<UInt64>(0)
    /// The last strict record of the producer: while `durable` is before it, the producer waits.
    let strict = Atomic<UInt64>(0)
    /// The producer was told that there is no room, and wants to hear when there is.
    let wantsRoom = Atomic<Bool>(false)
    private let line1: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// Where the writer has got to.
    let tail = Atomic<UInt64>(0)
    /// Up to where it is on disk.
    let durable = Atomic<UInt64>(0)
    /// Why strict, and why buffered records are refused; 0: they are not.
    let strictRefusal = Atomic<UInt8>(0)
    let bufferedRefusal = Atomic<UInt8>(0)
    private let line2: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// Records the producer could not put in.
    let lost = LossCounts()
    /// Whether there is something in `lost`, and since when (Unix nanoseconds).
    let lostSince = Atomic<UInt64>(0)
    /// The producer has gone: when everything is taken out, the ring is forgotten.
    let isClosed = Atomic<Bool>(false)

    let index: UInt8
    /// Called by the writer when `durable` has moved past a strict record, or when there is room again.
    let onDurable: @Sendable () -> Void

    init(index: UInt8, capacity wanted: Int, onDurable: @escaping @Sendable () -> Void) {
        var capacity = 4096
        while capacity < min(wanted, 1 << 30) { capacity *= 2 }
        self.capacity = capacity
        self.index = index
        self.onDurable = onDurable
        mask = UInt64(capacity) &- 1
        unsafe base = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { unsafe base.deallocate() }

    /// Longest frame there may be: a quarter of the block.
    var longest: Int { capacity / 4 }

    /// The bytes from `position` to the end of the block.
    @inline(__always)
    private func place(_ position: UInt64) -> (offset: Int, rest: Int) {
        let offset = Int(truncatingIfNeeded: position & mask)
        return (offset, capacity &- offset)
    }

    // Producer.

    /// Puts a frame in at `position`, which becomes the position behind it; false if there is no room.
    @inline(__always)
    func put(
        _ position: inout UInt64, knownTail: inout UInt64, length: Int, _ head: FrameHead,
        _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        let (offset, rest) = place(position)
        let needed = length <= rest ? length : rest &+ length
        if Int(truncatingIfNeeded: position &- knownTail) &+ needed > capacity {
            knownTail = tail.load(ordering: .acquiring)
            if Int(truncatingIfNeeded: position &- knownTail) &+ needed > capacity { return false }
        }
        var at = offset
        if length > rest {
            unsafe base.storeBytes(of: FrameHead(length: rest, .skip).word, toByteOffset: offset, as: UInt64.self)
            position &+= UInt64(rest)
            at = 0
        }
        unsafe base.storeBytes(of: head.word, toByteOffset: at, as: UInt64.self)
        unsafe fill(UnsafeMutableRawBufferPointer(start: base + at + FrameHead.size, count: length &- FrameHead.size))
        position &+= UInt64(length)
        self.head.store(position, ordering: .releasing)
        return true
    }

    // Consumer.

    /// Hands over frames from the tail on, oldest first, until there are none or `body` says stop (then the frame stays).
    /// Answers the position behind the last one taken.
    func take(_ body: (FrameHead, UnsafeRawBufferPointer) -> Bool) -> UInt64 {
        var position = tail.load(ordering: .relaxed)
        let end = head.load(ordering: .acquiring)
        while position < end {
            let (offset, rest) = place(position)
            let head = unsafe FrameHead(word: base.load(fromByteOffset: offset, as: UInt64.self))
            guard head.length >= FrameHead.size, head.length <= rest else {
                preconditionFailure("the audit ring is damaged")
            }
            if head.type != .skip {
                let payload = unsafe UnsafeRawBufferPointer(
                    start: base + offset + FrameHead.size, count: head.length &- FrameHead.size)
                guard unsafe body(head, payload) else { break }
            }
            position &+= UInt64(head.length)
        }
        tail.store(position, ordering: .releasing)
        return position
    }

    /// Bytes that wait to be taken.
    var fill: Int {
        Int(truncatingIfNeeded: head.load(ordering: .relaxed) &- tail.load(ordering: .relaxed))
    }
}
