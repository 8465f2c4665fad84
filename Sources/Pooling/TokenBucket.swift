import Synchronization

/// So many units a second over all workers, and so many at once after a quiet time: one atomic number, no lock.
///
/// The number is the moment at which the bucket is full again if nothing more is taken from it. Whoever takes moves it
/// on, and waits for as long as it lies further ahead than a whole bucket takes to fill; so those who take later wait
/// longer, in the order they came, whichever worker they are in.
public final class TokenBucket: Sendable {
    /// On the monotonic clock, in nanoseconds.
    private let fullAt = Atomic<Int64>(0)
    private let rate = Atomic<Int64>(0)
    private let depth = Atomic<Int64>(0)

    /// A bucket without a limit.
    public init() {}

    /// Whether there is a limit.
    public var isLimited: Bool { rate.load(ordering: .relaxed) > 0 }

    /// From `now` on, on the monotonic clock in microseconds, these limits hold: units a second, none if 0, and units at
    /// once. What has been taken stays taken, but nobody owes more than a whole bucket.
    public func set(rate newRate: Int, burst: Int, now: Int64) {
        let (rate, depth) = (Int64(max(0, newRate)), Int64(max(1, burst)))
        let (oldRate, oldDepth) = (self.rate.load(ordering: .relaxed), self.depth.load(ordering: .relaxed))
        if rate == oldRate && depth == oldDepth { return }
        let taken = min(
            Double(max(0, fullAt.load(ordering: .relaxed) - now * 1000)) * Double(oldRate) / 1e9, Double(depth))
        self.rate.store(rate, ordering: .relaxed)
        self.depth.store(depth, ordering: .relaxed)
        fullAt.store(now * 1000 + (rate > 0 ? Self.time(taken, rate) : 0), ordering: .relaxed)
    }

    /// Takes `count` units, if that takes no longer than `patience`; answers how long the taker must wait, in microseconds.
    /// nil if it would be longer: then nothing is taken.
    public func take(_ count: Int, now: Int64, patience: Int64 = .max) -> Int64? {
        let rate = self.rate.load(ordering: .relaxed)
        guard rate > 0 else { return 0 }
        let cost = Self.time(Double(count), rate)
        let whole = Self.time(Double(depth.load(ordering: .relaxed)), rate)
        let moment = now &* 1000
        var old = fullAt.load(ordering: .relaxed)
        while true {
            let new = max(old, moment) &+ cost
            let wait = max(0, (new &- moment &- whole &+ 999) / 1000)
            if wait > patience { return nil }
            let (done, original) = fullAt.compareExchange(expected: old, desired: new, ordering: .relaxed)
            if done { return wait }
            old = original
        }
    }

    /// How much of the bucket is taken at `now`, at most all of it.
    public func taken(now: Int64) -> Int {
        let rate = self.rate.load(ordering: .relaxed)
        guard rate > 0 else { return 0 }
        let time = Double(max(0, fullAt.load(ordering: .relaxed) &- now &* 1000))
        return Int(min((time * Double(rate) / 1e9).rounded(.up), Double(depth.load(ordering: .relaxed))))
    }

    /// How many nanoseconds so many units take; no more than thirty years.
    private static func time(_ count: Double, _ rate: Int64) -> Int64 {
        Int64(min(count * 1e9 / Double(rate), 1e18))
    }
}
