/// Objects with small numbers: a number is used again only after its object was removed. Everything O(1).
struct SlotTable<Element: AnyObject> {
    private var slots: ContiguousArray<Element?> = []
    private var free: ContiguousArray<UInt32> = []
    /// How many objects there are.
    private(set) var count = 0

    /// Adds the object `make` makes of its number.
    mutating func add(_ make: (UInt32) -> Element) -> Element {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = UInt32(truncatingIfNeeded: slots.count)
            slots.append(nil)
        }
        let element = make(slot)
        slots[Int(slot)] = element
        count += 1
        return element
    }

    /// The object with that number.
    @inline(__always)
    subscript(slot: UInt32) -> Element? { Int(slot) < slots.count ? slots[Int(slot)] : nil }

    /// Removes the object with that number.
    mutating func remove(_ slot: UInt32) {
        guard Int(slot) < slots.count, slots[Int(slot)] != nil else { return }
        slots[Int(slot)] = nil
        free.append(slot)
        count -= 1
    }

    /// Every object, in the order of the numbers. The table may change meanwhile.
    func forEach(_ body: (Element) -> Void) {
        for case let element? in slots { body(element) }
    }
}
