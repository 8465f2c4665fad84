/// The counts of a `LatencyHistogram` at one moment: a value to add, subtract and ask. Durations in microseconds.
public struct LatencySnapshot: Equatable, Sendable {
    /// How many buckets there are.
    public static let bucketCount = 29 * 16
    private static let largest: UInt64 = (1 << 32) - 1

    /// How many durations fell into each bucket.
    public private(set) var counts = [UInt64](repeating: 0, count: bucketCount)
    /// How many there were in all.
    public private(set) var count: UInt64 = 0
    /// What they add up to.
    public private(set) var sum: UInt64 = 0
    /// The longest.
    public private(set) var maximum: UInt64 = 0

    /// Nothing counted.
    public init() {}

    /// The bucket a duration falls into.
    static func bucket(of value: UInt64) -> Int {
        let value = min(value, largest)
        guard value >= 16 else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 3) * 16 + Int(value >> UInt64(exponent - 4)) & 15
    }

    /// The largest duration of a bucket.
    public static func upperBound(ofBucket bucket: Int) -> UInt64 {
        guard bucket >= 16 else { return UInt64(max(bucket, 0)) }
        let shift = UInt64(bucket / 16 - 1)
        return ((UInt64(16 + bucket % 16) + 1) << shift) - 1
    }

    mutating func add(count amount: UInt64, toBucket bucket: Int) {
        counts[bucket] &+= amount
        count &+= amount
    }

    mutating func add(sum amount: UInt64, maximum other: UInt64) {
        sum &+= amount
        maximum = max(maximum, other)
    }

    /// Adds the counts of another, as of another worker.
    public mutating func merge(_ other: LatencySnapshot) {
        for (index, amount) in other.counts.enumerated() where amount > 0 { add(count: amount, toBucket: index) }
        add(sum: other.sum, maximum: other.maximum)
    }

    /// What came after an earlier snapshot of the same histogram. The maximum stays that of all time.
    public func since(_ earlier: LatencySnapshot) -> LatencySnapshot {
        var result = LatencySnapshot()
        for (index, amount) in counts.enumerated() where amount > earlier.counts[index] {
            result.add(count: amount - earlier.counts[index], toBucket: index)
        }
        result.add(sum: sum >= earlier.sum ? sum - earlier.sum : 0, maximum: maximum)
        return result
    }

    /// The duration that `fraction` (0…1) of all did not exceed: the upper end of its bucket, but not above the
    /// maximum. 0 if there were none.
    public func quantile(_ fraction: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let wanted = max(1, UInt64((min(max(fraction, 0), 1) * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, amount) in counts.enumerated() {
            seen &+= amount
            if seen >= wanted { return min(Self.upperBound(ofBucket: index), maximum) }
        }
        return maximum
    }

    /// How many took at most `micros`, rounded to whole buckets downwards: for Prometheus' cumulative buckets.
    public func count(upTo micros: UInt64) -> UInt64 {
        var seen: UInt64 = 0
        for (index, amount) in counts.enumerated() {
            guard Self.upperBound(ofBucket: index) <= micros else { break }
            seen &+= amount
        }
        return seen
    }

    /// The mean; 0 if there were none.
    public var mean: UInt64 { count > 0 ? sum / count : 0 }
}
