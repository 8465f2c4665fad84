import Synchronization

/// How long things took, in microseconds: recorded by one thread at the price of two plain additions, readable from
/// any thread at any time.
///
/// ```
///  value   0 1 2 … 15 | 16 17 … 31 | 32 34 36 … 62 | 64 68 72 …        up to 2^32 µs (71 minutes)
///  bucket  0 1 2 … 15 | 16 17 … 31 | 32 33 34 … 47 | 48 49 50 …        16 buckets per power of two
/// ```
///
/// A bucket is at most 1/16 of its value wide, so a quantile is at most 6.25 % too high. 3.7 KB each.
@safe public final class LatencyHistogram: @unchecked Sendable {
    // Safe to share: the cells are atomics, and the pointer never changes.
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private static let sumCell = LatencySnapshot.bucketCount
    private static let maximumCell = LatencySnapshot.bucketCount + 1
    private static let cellCount = LatencySnapshot.bucketCount + 2

    /// An empty histogram.
    public init() {
        unsafe cells = .allocate(capacity: Self.cellCount)
        for index in 0..<Self.cellCount { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe cells.deinitialize(count: Self.cellCount)
        unsafe cells.deallocate()
    }

    /// Counts one duration; negative ones count as zero. On the owning thread only.
    public func record(_ micros: Int64) {
        let value = UInt64(clamping: micros)
        bump(LatencySnapshot.bucket(of: value), by: 1)
        bump(Self.sumCell, by: value)
        if value > load(Self.maximumCell) { unsafe cells[Self.maximumCell].store(value, ordering: .relaxed) }
    }

    /// A copy of the counts. Any thread; a recording that happens meanwhile may be seen in part.
    public func snapshot() -> LatencySnapshot {
        var result = LatencySnapshot()
        for index in 0..<LatencySnapshot.bucketCount { result.add(count: load(index), toBucket: index) }
        result.add(sum: load(Self.sumCell), maximum: load(Self.maximumCell))
        return result
    }

    private func load(_ index: Int) -> UInt64 { unsafe cells[index].load(ordering: .relaxed) }

    private func bump(_ index: Int, by amount: UInt64) {
        unsafe cells[index].store(load(index) &+ amount, ordering: .relaxed)
    }
}
