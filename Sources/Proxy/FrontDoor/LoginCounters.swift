import EventLoop
import Pooling
import Settings
import Synchronization

/// What all workers count of logins, and remember of those that failed. Touched once or twice a login, never by statements.
final class LoginCounters: Sendable {
    /// Clients that have not logged in.
    let underWay = CapacityCounter()
    /// Those of them that wait to be told that their login has failed.
    let delayed = CapacityCounter()
    private let failures = Atomic<UInt64>(0)
    private let crowdedOut = Atomic<UInt64>(0)
    private let tooSlow = Atomic<UInt64>(0)
    private let table = Mutex(FailedLogins())

    /// A login has failed; answers how many microseconds later it is told.
    func failed(_ source: ClientSource, at now: Int64, _ general: GeneralSettings) -> Int64 {
        failures.add(1, ordering: .relaxed)
        guard !general.authDelay.isZero else { return 0 }
        return table.withLock {
            $0.failed(
                source, at: now, first: general.authDelay, most: general.authDelayMax,
                random: { Int.random(in: 0..<$0) })
        }
    }

    /// Somebody has been sent away to make room.
    func wasCrowdedOut() { crowdedOut.add(1, ordering: .relaxed) }

    /// A login has taken longer than client_login_timeout.
    func wasTooSlow() { tooSlow.add(1, ordering: .relaxed) }

    /// For the console.
    func totals(at now: Int64) -> LoginTotals {
        LoginTotals(
            underWay: underWay.inUse, delayed: delayed.inUse, failures: failures.load(ordering: .relaxed),
            crowdedOut: crowdedOut.load(ordering: .relaxed), tooSlow: tooSlow.load(ordering: .relaxed),
            sources: table.withLock { $0.records(at: now) }
                .map { FailedSource($0.source, $0.record) })
    }
}

extension ClientSource {
    /// For people.
    var text: String {
        switch bytes.count {
        case 0: "unix"
        case 4: PeerAddress(bytes: bytes, port: 0)?.host ?? ""
        default: (PeerAddress(bytes: bytes + [UInt8](repeating: 0, count: 8), port: 0)?.host ?? "") + "/64"
        }
    }
}

/// What is known of logins in the whole process.
public struct LoginTotals: Sendable {
    /// Clients that have not logged in.
    public var underWay = 0
    /// Those of them that wait to be told that their login has failed.
    public var delayed = 0
    /// Logins that have failed for a wrong password or an unknown user.
    public var failures: UInt64 = 0
    /// Logins given up because there were more than max_login_clients.
    public var crowdedOut: UInt64 = 0
    /// Logins given up because they took longer than client_login_timeout.
    public var tooSlow: UInt64 = 0
    /// Addresses that failures are remembered of, those with the most of them first.
    public var sources: [FailedSource] = []

    /// None.
    public init() {}

    init(
        underWay: Int, delayed: Int, failures: UInt64, crowdedOut: UInt64, tooSlow: UInt64, sources: [FailedSource]
    ) {
        self.underWay = underWay
        self.delayed = delayed
        self.failures = failures
        self.crowdedOut = crowdedOut
        self.tooSlow = tooSlow
        self.sources = sources
    }
}

/// An address that logins have failed from.
public struct FailedSource: Sendable {
    /// `192.0.2.1`, `2001:db8::/64` or `unix`.
    public let address: String
    /// Failures since it is remembered.
    public let total: UInt64
    /// Those of them that are not forgotten yet, as far as they make the delay longer.
    public let recent: Int
    /// How long the answer to the last of them was held back, in microseconds.
    public let delay: Int64
    /// The monotonic clock at that one, in microseconds.
    public let last: Int64

    init(_ source: ClientSource, _ record: FailedLogins.Record) {
        address = source.text
        total = record.total
        recent = record.recent
        delay = record.delay
        last = record.last
    }
}
