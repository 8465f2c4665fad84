public import Settings

/// How many logins from each address have failed of late, and so how long the answer to the next failure is held back: twice
/// as long each time, up to a limit. One failure is forgotten every ten seconds. Holds no more than `capacity` addresses:
/// beyond that, of a few at random the one goes that has failed least.
public struct FailedLogins: Sendable {
    /// One address, for people.
    public struct Record: Sendable, Equatable {
        /// Failures, as far as they are not forgotten.
        public var recent: Int
        /// Failures since it is in the table.
        public var total: UInt64
        /// The monotonic clock at the last of them, in microseconds.
        public var last: Int64
        /// How long the answer to that one was held back, in microseconds.
        public var delay: Int64
    }

    /// How many addresses are remembered.
    public static let capacity = 16_384
    /// After so many microseconds a failure is forgotten.
    public static let memory: Int64 = 10_000_000
    /// More are not counted: the longest delay is a day, and doubling from a microsecond reaches it before.
    private static let mostRecent = 40
    private static let tries = 8

    /// A record with its place among `order`.
    private struct Entry {
        var record: Record
        let place: Int
    }

    private var entries: [ClientSource: Entry] = [:]
    /// Every address once, so that one can be chosen at random.
    private var order: [ClientSource] = []

    /// No failures.
    public init() {}

    /// How many addresses are remembered now.
    public var count: Int { order.count }

    /// Counts a failure; answers how many microseconds its answer is to be held back. `random` answers a number below its
    /// argument.
    public mutating func failed(
        _ source: ClientSource, at now: Int64, first: TimeSpan, most: TimeSpan, random: (Int) -> Int
    ) -> Int64 {
        if entries[source] == nil, order.count >= Self.capacity { forgetOne(now, random) }
        let place = entries[source]?.place ?? order.count
        if place == order.count { order.append(source) }
        var record = entries[source]?.record ?? Record(recent: 0, total: 0, last: now, delay: 0)
        record.recent = min(Self.left(of: record, at: now) + 1, Self.mostRecent)
        record.total &+= 1
        record.last = now
        record.delay = Self.delay(record.recent, first.microseconds, most.microseconds)
        // What is above the longest delay would only have to be forgotten before it grows shorter.
        while record.recent > 1, record.delay > 0,
            Self.delay(record.recent - 1, first.microseconds, most.microseconds) == record.delay
        {
            record.recent -= 1
        }
        entries[source] = Entry(record: record, place: place)
        return record.delay
    }

    /// What is remembered at `now`, the most failures first.
    public func records(at now: Int64) -> [(source: ClientSource, record: Record)] {
        entries.compactMap { source, entry in
            var record = entry.record
            record.recent = Self.left(of: record, at: now)
            return record.recent > 0 ? (source, record) : nil
        }.sorted { $0.record.total > $1.record.total }
    }

    private static func left(of record: Record, at now: Int64) -> Int {
        max(record.recent - Int(clamping: (now - record.last) / memory), 0)
    }

    private static func delay(_ recent: Int, _ first: Int64, _ most: Int64) -> Int64 {
        guard first > 0, recent > 0 else { return 0 }
        let (doubled, overflow) = first.multipliedReportingOverflow(by: 1 << Int64(min(recent - 1, 40)))
        return overflow ? most : min(doubled, max(most, first))
    }

    private mutating func forgetOne(_ now: Int64, _ random: (Int) -> Int) {
        var least: (source: ClientSource, place: Int, left: Int)?
        for _ in 0..<Self.tries {
            let source = order[min(max(random(order.count), 0), order.count - 1)]
            guard let entry = entries[source] else { continue }
            let left = Self.left(of: entry.record, at: now)
            if left < least?.left ?? .max { least = (source, entry.place, left) }
        }
        guard let least, let last = order.popLast() else { return }
        entries[least.source] = nil
        guard last != least.source, let moved = entries[last] else { return }
        order[least.place] = last
        entries[last] = Entry(record: moved.record, place: least.place)
    }
}
