public import Synchronization

/// A count written by one thread and read by any: costs what a plain variable costs.
///
/// Two threads that add at once lose counts (nothing worse); use one counter per worker and sum them.
public struct LoopCounter: ~Copyable, Sendable {
    @usableFromInline let cell = Atomic<UInt64>(0)

    /// A count of zero.
    @inlinable public init() {}

    /// Adds; on the owning thread only.
    @inlinable @inline(__always)
    public borrowing func add(_ amount: UInt64 = 1) {
        cell.store(cell.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// The count so far. Any thread.
    @inlinable public var value: UInt64 { cell.load(ordering: .relaxed) }
}

/// A level that goes up and down (clients connected, servers idle): written by one thread and read by any.
public struct Gauge: ~Copyable, Sendable {
    @usableFromInline let cell = Atomic<Int64>(0)

    /// A level of zero.
    @inlinable public init() {}

    /// Raises (or lowers, if negative); on the owning thread only.
    @inlinable @inline(__always)
    public borrowing func add(_ amount: Int64) {
        cell.store(cell.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Sets the level; on the owning thread only.
    @inlinable @inline(__always)
    public borrowing func set(_ value: Int64) { cell.store(value, ordering: .relaxed) }

    /// The level now. Any thread.
    @inlinable public var value: Int64 { cell.load(ordering: .relaxed) }
}
