/// A first-in, first-out queue over one growing block whose size is a power of two. Pushing and popping are O(1) and do
/// not allocate once the block is as large as the queue gets.
public struct Ring<Element> {
    @usableFromInline var slots: ContiguousArray<Element?> = []
    @usableFromInline var head = 0
    /// How many elements wait.
    public private(set) var count = 0

    /// An empty queue that owns no memory.
    public init() {}

    /// Whether nothing waits.
    @inlinable public var isEmpty: Bool { count == 0 }

    @inline(__always)
    private func slot(_ index: Int) -> Int { (head &+ index) & (slots.count &- 1) }

    /// Adds an element at the end.
    public mutating func append(_ element: consuming Element) {
        if count == slots.count { grow() }
        slots[slot(count)] = consume element
        count &+= 1
    }

    /// Adds an element at the front.
    public mutating func prepend(_ element: Element) {
        if count == slots.count { grow() }
        head = (head &- 1) & (slots.count &- 1)
        slots[head] = element
        count &+= 1
    }

    /// Takes the element at the front.
    @discardableResult
    public mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head].take()
        head = (head &+ 1) & (slots.count &- 1)
        count &-= 1
        return element
    }

    /// Takes the element at the end.
    @discardableResult
    public mutating func popLast() -> Element? {
        guard count > 0 else { return nil }
        count &-= 1
        let position = slot(count)
        return slots[position].take()
    }

    /// The element at the front.
    public var first: Element? { count > 0 ? slots[head] : nil }

    /// Whether there is an element at the front of which `body` is true; without a copy of it.
    @inline(__always)
    public func isFirst(_ body: (borrowing Element) -> Bool) -> Bool {
        guard count > 0 else { return false }
        return slots[head].map(body) ?? false
    }

    /// The element at the end.
    public var last: Element? { count > 0 ? slots[slot(count &- 1)] : nil }

    /// The element `index` places behind the front; nil outside the queue.
    public subscript(index: Int) -> Element? {
        index >= 0 && index < count ? slots[slot(index)] : nil
    }

    /// Replaces the element `index` places behind the front, if there is one.
    public mutating func replace(at index: Int, with element: Element) {
        guard index >= 0, index < count else { return }
        slots[slot(index)] = element
    }

    /// Drops every element the predicate names and keeps the order of the rest. O(n).
    public mutating func removeAll(where drop: (Element) -> Bool) {
        var kept: ContiguousArray<Element?> = []
        kept.reserveCapacity(slots.count)
        for index in 0..<count {
            if let element = slots[slot(index)], !drop(element) { kept.append(element) }
        }
        count = kept.count
        while kept.count < slots.count { kept.append(nil) }
        slots = kept
        head = 0
    }

    /// Forgets everything; a block above `limit` elements is given back.
    public mutating func removeAll(keeping limit: Int = 64) {
        if slots.count > limit {
            slots = []
        } else {
            for index in 0..<count { slots[slot(index)] = nil }
        }
        head = 0
        count = 0
    }

    private mutating func grow() {
        var larger: ContiguousArray<Element?> = []
        let capacity = max(4, slots.count &* 2)
        larger.reserveCapacity(capacity)
        for index in 0..<count { larger.append(slots[slot(index)]) }
        while larger.count < capacity { larger.append(nil) }
        slots = larger
        head = 0
    }
}
