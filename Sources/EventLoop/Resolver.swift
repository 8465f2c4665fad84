import CLinux
import Telemetry

/// What a resolver knows of a name.
public struct ResolvedName: Sendable {
    /// The name.
    public let host: String
    /// For how many microseconds the answer is believed yet.
    public let timeToLive: Int64
    /// The question is on its way.
    public let isBeingAsked: Bool
    /// Its addresses, best first; none if there are none, or none are known.
    public let addresses: [String]
}

/// Turns host names into addresses without blocking a loop: `getaddrinfo` runs on threads that exist only while there
/// is something to look up. One per process; any thread.
///
/// Answers are kept for `timeToLive`; the same name asked for twice at once is looked up once. When name servers do
/// not answer, the last addresses known are used on, since a database seldom moves while DNS is down.
public final class Resolver: Sendable {
    /// The addresses, best first, never empty; or why there are none.
    public typealias Answer = Result<[SocketAddress], ResolveError>
    typealias Look = @Sendable (String) -> Result<[PeerAddress], ResolveError>

    private struct Waiter: Sendable {
        let port: UInt16
        let deliver: @Sendable (Answer) -> Void
    }

    private struct Entry: Sendable {
        var result: Result<[PeerAddress], ResolveError>
        var expires: Int64
        /// The addresses it had when it last had any.
        var lastKnown: Set<String> = []
    }

    private struct State: Sendable {
        var cache: [String: Entry] = [:]
        var waiting: [String: [Waiter]] = [:]
        var queue: [String] = []
        var threads = 0
        var timeToLive: Int64
        var failureTimeToLive: Int64
        var changed: (@Sendable (String, Set<String>) -> Void)?
    }

    /// A name server that did not answer is asked again after this.
    private static let troubleTimeToLive: Int64 = 1_000_000
    private static let cacheLimit = 4096

    private let state: Guarded<State>
    private let maximumThreads: Int
    private let look: Look

    /// A resolver with an empty cache. Durations in microseconds.
    public convenience init(timeToLive: Int64 = 15_000_000) {
        self.init(timeToLive: timeToLive, maximumThreads: 4, look: NameLookup.system)
    }

    init(timeToLive: Int64, maximumThreads: Int, look: @escaping Look) {
        state = Guarded(State(timeToLive: timeToLive, failureTimeToLive: timeToLive))
        self.maximumThreads = maximumThreads
        self.look = look
    }

    /// The answer if it needs no waiting: a numeric address, the path of a unix socket (starting with `/`; a socket in
    /// a directory is named whole), or a name whose answer is fresh. Otherwise nil: use `resolve`.
    public func immediate(host: String, port: UInt16) -> Answer? {
        if host.utf8.first == UInt8(ascii: "/") { return .success([.unix(host)]) }
        if let address = PeerAddress(numeric: host, port: port) { return .success([.ip(address)]) }
        return state.withLock { state in
            guard let entry = state.cache[host], entry.expires > headgate_monotonic_micros() else { return nil }
            return Self.answer(entry.result, port)
        }
    }

    /// Looks a name up and calls `deliver` once: at once on this thread if `immediate` has the answer, otherwise on a
    /// resolver thread, from where it should post to a mailbox.
    public func resolve(host: String, port: UInt16, deliver: @escaping @Sendable (Answer) -> Void) {
        if let answer = immediate(host: host, port: port) { return deliver(answer) }
        let needsThread = state.withLock { state in
            let isNew = state.waiting[host] == nil
            state.waiting[host, default: []].append(Waiter(port: port, deliver: deliver))
            if isNew { state.queue.append(host) }
            guard isNew, state.threads < maximumThreads else { return false }
            state.threads += 1
            return true
        }
        guard needsThread else { return }
        if case .failure(let errno) = LoopThread.spawn(name: "resolver", body: { self.work() }) {
            threadRefused(errno)
        }
    }

    /// How long answers are believed from now on, in microseconds: addresses, and that there are none.
    public func setTimesToLive(answer: Int64, failure: Int64) {
        state.withLock { state in
            state.timeToLive = answer
            state.failureTimeToLive = failure
        }
    }

    /// Calls `body`, on a resolver thread, when a name that had addresses gets others.
    public func onChange(_ body: @escaping @Sendable (_ host: String, _ addresses: Set<String>) -> Void) {
        state.withLock { $0.changed = body }
    }

    /// Asks again for a name that was asked for before, if its answer is no longer believed.
    public func refresh(_ host: String) {
        guard state.withLock({ $0.cache[host] != nil }) else { return }
        resolve(host: host, port: 0) { _ in }
    }

    /// Every name that was asked for, with what is known of it.
    public var known: [ResolvedName] {
        let now = headgate_monotonic_micros()
        return state.withLock { state in
            let asked = state.cache.map { host, entry in
                ResolvedName(
                    host: host, timeToLive: max(0, entry.expires - now), isBeingAsked: state.waiting[host] != nil,
                    addresses: (try? entry.result.get())?.map(\.host) ?? [])
            }
            let pending = state.waiting.keys.filter { state.cache[$0] == nil }.map {
                ResolvedName(host: $0, timeToLive: 0, isBeingAsked: true, addresses: [])
            }
            return (asked + pending).sorted { $0.host < $1.host }
        }
    }

    /// Forgets all answers, so that the next question goes to the name servers. For RELOAD.
    public func flush() { state.withLock { $0.cache.removeAll() } }

    private func work() {
        while let host = takeQuestion() { finish(host, look(host)) }
    }

    private func takeQuestion() -> String? {
        state.withLock { state in
            guard !state.queue.isEmpty else {
                state.threads -= 1
                return nil
            }
            return state.queue.removeFirst()
        }
    }

    private func finish(_ host: String, _ fresh: Result<[PeerAddress], ResolveError>) {
        let now = headgate_monotonic_micros()
        let (waiters, result, changed) = state.withLock { state in
            var entry = Entry(result: fresh, expires: now + state.timeToLive)
            if case .failure(let error) = fresh {
                let limit = error.isTemporary ? Self.troubleTimeToLive : state.failureTimeToLive
                entry.expires = now + min(limit, state.failureTimeToLive)
                if error.isTemporary, let old = state.cache[host], case .success = old.result {
                    entry.result = old.result
                }
            }
            if state.cache.count >= Self.cacheLimit { state.cache.removeAll() }
            let before = state.cache[host]?.lastKnown ?? []
            entry.lastKnown = (try? entry.result.get()).map { Set($0.map(\.host)) } ?? before
            state.cache[host] = entry
            let isOther = !before.isEmpty && before != entry.lastKnown
            let changed = isOther ? state.changed.map { ($0, entry.lastKnown) } : nil
            return (state.waiting.removeValue(forKey: host) ?? [], entry.result, changed)
        }
        if let (tell, addresses) = changed { tell(host, addresses) }
        for waiter in waiters { waiter.deliver(Self.answer(result, waiter.port)) }
    }

    /// No thread to be had: if none is at work either, whoever waits is told.
    private func threadRefused(_ errno: Errno) {
        let stranded: [String] = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.queue = [] }
            return state.queue
        }
        for host in stranded {
            let error = ResolveError(host: host, reason: "no thread to look it up: \(errno)", isTemporary: true)
            finish(host, .failure(error))
        }
    }

    private static func answer(_ result: Result<[PeerAddress], ResolveError>, _ port: UInt16) -> Answer {
        result.map { $0.map { .ip($0.with(port: port)) } }
    }
}
