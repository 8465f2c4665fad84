/// A small table keyed by byte strings a client chose (statement and portal names). Names are looked up where they lie
/// in the received bytes, without a String; the hash is seeded, so a client cannot choose names that collide.
public struct NameTable<Value> {
    private struct Slot {
        var hash: UInt64
        var name: [UInt8]
        var value: Value
    }

    private var slots: ContiguousArray<Slot?> = []
    private let hasher: Hash64
    /// How many names are in the table.
    public private(set) var count = 0

    /// An empty table that owns no memory.
    public init(hasher: Hash64) { self.hasher = hasher }

    /// Whether there is no name.
    public var isEmpty: Bool { count == 0 }

    /// The value for `name`, or nil. O(1).
    public func find(_ name: RawSpan) -> Value? {
        guard let index = position(of: name, hash: hasher(name)) else { return nil }
        return slots[index]?.value
    }

    /// The value for `name`, or nil. O(1).
    public func find(_ name: [UInt8]) -> Value? { name.withSpan { find($0) } }

    /// Puts `value` under `name`; answers what was there.
    @discardableResult
    public mutating func set(_ name: [UInt8], _ value: Value) -> Value? {
        let hash = name.withSpan { hasher($0) }
        if let index = name.withSpan({ position(of: $0, hash: hash) }) {
            let old = slots[index]?.value
            slots[index]?.value = value
            return old
        }
        if (count &+ 1) &* 4 > slots.count &* 3 { grow() }
        insert(Slot(hash: hash, name: name, value: value))
        count &+= 1
        return nil
    }

    /// Removes `name`; answers what was there. O(1) amortised.
    @discardableResult
    public mutating func remove(_ name: [UInt8]) -> Value? {
        let hash = name.withSpan { hasher($0) }
        guard let found = name.withSpan({ position(of: $0, hash: hash) }) else { return nil }
        let old = slots[found]?.value
        slots[found] = nil
        count &-= 1
        // Close the gap, so that probing needs no tombstones.
        let mask = slots.count &- 1
        var gap = found
        var probe = (found &+ 1) & mask
        while let slot = slots[probe] {
            let home = Int(truncatingIfNeeded: slot.hash) & mask
            if (probe &- home) & mask >= (probe &- gap) & mask {
                slots[gap] = slot
                slots[probe] = nil
                gap = probe
            }
            probe = (probe &+ 1) & mask
        }
        if count == 0 { slots = [] }
        return old
    }

    /// Forgets every name and gives the memory back.
    public mutating func removeAll() {
        slots = []
        count = 0
    }

    /// Every name with its value, in no order.
    public func forEach(_ body: ([UInt8], Value) -> Void) {
        for case let slot? in slots { body(slot.name, slot.value) }
    }

    private func position(of name: RawSpan, hash: UInt64) -> Int? {
        guard !slots.isEmpty else { return nil }
        let mask = slots.count &- 1
        var index = Int(truncatingIfNeeded: hash) & mask
        // Field by field: a copy of the slot would retain what is in it.
        while let found = slots[index]?.hash {
            if found == hash, slots[index]?.name.withSpan({ $0.equals(name) }) == true { return index }
            index = (index &+ 1) & mask
        }
        return nil
    }

    private mutating func insert(_ slot: Slot) {
        let mask = slots.count &- 1
        var index = Int(truncatingIfNeeded: slot.hash) & mask
        while slots[index] != nil { index = (index &+ 1) & mask }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = ContiguousArray(repeating: nil, count: max(4, old.count &* 2))
        for case let slot? in old { insert(slot) }
    }
}
