/// Definitions of one kind of one producer, by slot.
@safe final class SlotTable {
    /// The pieces of one definition, in memory of its own.
    @safe struct Entry {
        static let mostPieces = 5
        fileprivate var base: UnsafeMutableRawPointer
        fileprivate var ends: (UInt32, UInt32, UInt32, UInt32, UInt32)
    }

    private var entries: [Entry?] = []
    private let mostSlots: Int

    init(mostSlots: Int = 1 << 24) { self.mostSlots = mostSlots }

    deinit { for entry in entries { unsafe entry?.base.deallocate() } }

    /// Takes over a definition as `FragmentWriter` wrote it; answers its slot, or nil for what is none.
    func define(_ payload: UnsafeRawBufferPointer) {
        guard let (slot, count) = unsafe head(payload), count <= Entry.mostPieces else { return }
        let start = 8 &+ 4 &* count
        guard start <= payload.count else { return }
        var ends: [UInt32] = []
        var end: UInt32 = 0
        for index in 0..<Entry.mostPieces {
            if index < count {
                end &+= unsafe payload.loadUnaligned(fromByteOffset: 8 &+ 4 &* index, as: UInt32.self)
            }
            ends.append(end)
        }
        guard start &+ Int(end) <= payload.count else { return }
        let base = UnsafeMutableRawPointer.allocate(byteCount: max(Int(end), 1), alignment: 8)
        unsafe UnsafeMutableRawBufferPointer(start: base, count: Int(end)).copyBytes(
            from: UnsafeRawBufferPointer(rebasing: payload[start..<start &+ Int(end)]))
        while entries.count <= slot { entries.append(nil) }
        unsafe entries[slot]?.base.deallocate()
        entries[slot] = unsafe Entry(base: base, ends: (ends[0], ends[1], ends[2], ends[3], ends[4]))
    }

    /// Forgets a definition.
    func end(_ payload: UnsafeRawBufferPointer) {
        guard let (slot, _) = unsafe head(payload), slot < entries.count else { return }
        unsafe entries[slot]?.base.deallocate()
        entries[slot] = nil
    }

    private func head(_ payload: UnsafeRawBufferPointer) -> (slot: Int, count: Int)? {
        guard payload.count >= 8 else { return nil }
        let slot = unsafe Int(payload.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        let count = unsafe Int(payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        return slot < mostSlots ? (slot, count) : nil
    }

    /// Whether a slot holds something.
    @inline(__always)
    func has(_ slot: UInt32) -> Bool { Int(slot) < entries.count && entries[Int(slot)] != nil }

    /// Copies a piece into a record; nothing if the slot is empty.
    @inline(__always)
    func append(_ slot: UInt32, piece: Int, to line: inout LineBuffer) {
        guard Int(slot) < entries.count, let entry = entries[Int(slot)] else { return }
        let (start, end): (UInt32, UInt32) =
            switch piece {
            case 0: (0, entry.ends.0)
            case 1: (entry.ends.0, entry.ends.1)
            case 2: (entry.ends.1, entry.ends.2)
            case 3: (entry.ends.2, entry.ends.3)
            default: (entry.ends.3, entry.ends.4)
            }
        unsafe line.copy(entry.base + Int(start), Int(end &- start))
    }
}
