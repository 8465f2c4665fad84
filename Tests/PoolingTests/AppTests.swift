import Testing

@testable import Pooling

/// Applications that share the servers of one pool.
@Suite struct AppTests {
    private let tickets = Tickets()

    private func app(_ name: String, workers: Int = 1, _ change: (inout AppLimits) -> Void = { _ in }) -> AppShare {
        let share = AppShare(name: name, workers: workers, tickets: tickets)
        var limits = AppLimits()
        change(&limits)
        share.set(limits, now: 0)
        return share
    }

    private func pool(workers: Int = 1) -> PoolShare {
        PoolShare(workers: workers, database: CapacityCounter(), user: CapacityCounter(), tickets: tickets)
    }

    private func machine(_ share: PoolShare, _ worker: Int = 0, size: Int = 10) -> PoolMachine {
        PoolMachine(share: share, worker: worker, limits: PoolLimits(size: size))
    }

    /// Lays `count` idle servers into a pool.
    private func fill(_ pool: inout PoolMachine, _ count: UInt32) {
        for server in 1...count {
            #expect(pool.reserve(now: 0) == .open)
            pool.opened()
            #expect(pool.place(server: server, affinity: 0, now: 0) == .idle)
        }
    }

    // MARK: Weight

    /// Serves `turns` times those of `apps` that wait for ever; answers how often each was.
    private func served(_ apps: [AppShare], turns: Int) -> [Int] {
        let lines = apps.map { AppLine(share: $0, worker: 0) }
        var machine = machine(pool(), size: 1)
        var counts = apps.map { _ in 0 }
        var client: UInt32 = 0
        var owner: [UInt32: Int] = [:]
        func wait(_ index: Int) {
            client += 1
            owner[client] = index
            _ = machine.request(client: client, app: lines[index], affinity: 0, now: 0)
        }
        for index in apps.indices { for _ in 0..<5 { wait(index) } }
        #expect(machine.reserve(now: 0) == .open)
        machine.opened()
        for _ in 0..<turns {
            guard case .assigned(let served, _, _) = machine.place(server: 1, affinity: 0, now: 0),
                let index = owner[served]
            else {
                Issue.record("nobody is served")
                break
            }
            counts[index] += 1
            wait(index)
        }
        return counts
    }

    @Test func turnsAreAsTheWeights() {
        let heavy = app("heavy") { $0.weight = 300 }
        #expect(served([heavy, app("light")], turns: 400) == [300, 100])
        #expect(served([app("a"), app("b")], turns: 100) == [50, 50])
    }

    @Test func theLightestIsServedAllTheSame() {
        let counts = served([app("most") { $0.weight = 10_000 }, app("least") { $0.weight = 1 }], turns: 30_000)
        #expect(counts[1] >= 2)
    }

    @Test func whoComesNewWaitsForNobodysBacklog() {
        var machine = machine(pool(), size: 1)
        let (old, new) = (AppLine(share: app("old"), worker: 0), AppLine(share: app("new"), worker: 0))
        #expect(machine.reserve(now: 0) == .open)
        machine.opened()
        for client: UInt32 in 1...100 { _ = machine.request(client: client, app: old, affinity: 0, now: 0) }
        for client: UInt32 in 1...10 {
            #expect(machine.place(server: 1, affinity: 0, now: 0) == .assigned(client: client, waitedSince: 0, []))
        }
        _ = machine.request(client: 1000, app: new, affinity: 0, now: 1)
        #expect(machine.place(server: 1, affinity: 0, now: 0) == .assigned(client: 1000, waitedSince: 1, []))
    }

    @Test func turnsHoldOverWorkers() {
        let (heavy, light) = (app("heavy", workers: 2) { $0.weight = 300 }, app("light", workers: 2))
        let share = pool(workers: 2)
        var machines = [machine(share, 0, size: 1), machine(share, 1, size: 1)]
        let lines = [AppLine(share: heavy, worker: 0), AppLine(share: light, worker: 1)]
        var counts = [0, 0]
        for worker in 0...1 {
            for client: UInt32 in 1...500 {
                _ = machines[worker].request(client: client, app: lines[worker], affinity: 0, now: 0)
            }
        }
        #expect(machines[0].reserve(now: 0) == .open)
        machines[0].opened()
        var at = 0
        while counts[0] + counts[1] < 400 {
            switch machines[at].place(server: 1, affinity: 0, now: 0) {
            case .assigned: counts[at] += 1
            case .lent(let other):
                at = other
            case .idle: Issue.record("idle while clients wait")
            }
            machines[at].publishOldest()
        }
        #expect(counts == [300, 100])
    }

    // MARK: Places

    @Test func whoIsOverTheShareWaitsWhileOthersAreServed() {
        let small = AppLine(share: app("small") { $0.servers = 1 }, worker: 0)
        let other = AppLine(share: app("other"), worker: 0)
        var pool = machine(pool())
        fill(&pool, 3)
        #expect(pool.request(client: 1, app: small, affinity: 0, now: 0) == .granted(server: 3, .server))
        guard case .waits = pool.request(client: 2, app: small, affinity: 0, now: 1) else {
            Issue.record("one too many")
            return
        }
        #expect(pool.supply(now: 1) == .enough, "no server is opened for it")
        #expect(pool.request(client: 3, app: other, affinity: 0, now: 2) == .granted(server: 2, []))
        #expect(pool.place(server: 2, affinity: 0, now: 3) == .idle, "it is not given another's server")
        #expect(small.share.release(.server), "somebody waits")
        #expect(pool.place(server: 3, affinity: 0, now: 4) == .idle)
        #expect(small.next() == .pool(0))
        pool.unblock(small)
        let lease = pool.serve()
        #expect(lease?.client == 2 && lease?.waitedSince == 1 && lease?.places == .server)
        #expect(pool.serve() == nil)
        #expect(small.next() == .nobody)
        #expect(small.share.servers.inUse == 1)
    }

    @Test func aLeaseNeedsAServerAndAStatement() {
        let line = AppLine(
            share: app("a") {
                $0.servers = 2
                $0.statements = 1
            }, worker: 0)
        var pool = machine(pool())
        fill(&pool, 3)
        #expect(
            pool.request(client: 1, app: line, affinity: 0, now: 0) == .granted(server: 3, [.server, .statement]))
        _ = pool.request(client: 2, app: line, affinity: 0, now: 0)
        #expect(line.share.servers.inUse == 1, "what is of no use alone is not kept")
        // The first one's statement ends, not its transaction.
        #expect(line.share.release(.statement))
        #expect(line.next() == .pool(0))
        pool.unblock(line)
        #expect(pool.serve()?.client == 2)
        // Now the first wants another statement.
        guard case .waits = line.takeStatement(client: 1, now: 5) else {
            Issue.record("two statements")
            return
        }
        #expect(line.share.release([.server, .statement]))
        #expect(line.next() == .client(1))
        #expect(line.next() == .nobody)
    }

    @Test func placesGoToWhoWaitsLongestInWhicheverWorker() {
        let share = app("a", workers: 2) { $0.statements = 1 }
        let lines = [AppLine(share: share, worker: 0), AppLine(share: share, worker: 1)]
        #expect(lines[0].takeStatement(client: 1, now: 0) == .granted(.statement))
        for (worker, client) in [(1, 2), (0, 3), (1, 4)] {
            guard case .waits = lines[worker].takeStatement(client: UInt32(client), now: 0) else {
                Issue.record("client \(client) does not wait")
                return
            }
        }
        #expect(share.release(.statement))
        #expect(lines[0].next() == .elsewhere(worker: 1))
        #expect(lines[1].next() == .client(2))
        #expect(lines[1].next() == .nobody)
        #expect(share.release(.statement))
        #expect(lines[1].next() == .elsewhere(worker: 0))
        #expect(lines[0].next() == .client(3))
        #expect(lines[0].takeOverdue(since: 10) == nil && lines[1].takeOverdue(since: 10) == 4)
        #expect(!share.release(.statement), "nobody waits any more")
    }

    @Test func whoLeavesTheLineLetsTheNextOnePass() {
        let line = AppLine(share: app("a") { $0.servers = 1 }, worker: 0)
        var (one, two) = (machine(pool()), machine(pool()))
        two = PoolMachine(share: pool(), worker: 0, limits: PoolLimits(size: 5), number: 1)
        fill(&one, 2)
        fill(&two, 2)
        #expect(one.request(client: 1, app: line, affinity: 0, now: 0) == .granted(server: 2, .server))
        guard case .waits(let ticket) = one.request(client: 2, app: line, affinity: 0, now: 0),
            case .waits = two.request(client: 3, app: line, affinity: 0, now: 0)
        else {
            Issue.record("they do not wait")
            return
        }
        one.withdraw(ticket: ticket, app: line)
        #expect(line.mustAskNext)
        #expect(line.next() == .nobody)
        _ = line.share.release(.server)
        #expect(line.next() == .pool(1))
        two.unblock(line)
        #expect(two.serve()?.client == 3)
    }
}

@Suite struct TokenBucketTests {
    private func bucket(rate: Int, burst: Int) -> TokenBucket {
        let bucket = TokenBucket()
        bucket.set(rate: rate, burst: burst, now: 0)
        return bucket
    }

    @Test func withoutALimitNobodyWaits() {
        #expect(TokenBucket().take(1_000_000, now: 5) == 0)
        #expect(!TokenBucket().isLimited)
    }

    @Test func aBurstAndThenTheRate() {
        let bucket = bucket(rate: 100, burst: 5)
        for _ in 0..<5 { #expect(bucket.take(1, now: 0) == 0) }
        #expect(bucket.take(1, now: 0) == 10_000)
        #expect(bucket.take(1, now: 0) == 20_000)
        // Both have had their turn, and one more is there.
        #expect(bucket.take(1, now: 30_000) == 0)
        #expect(bucket.take(1, now: 30_000) == 10_000)
    }

    @Test func whatIsNotTakenIsThereLaterButNoMoreThanTheBurst() {
        let bucket = bucket(rate: 100, burst: 5)
        #expect(bucket.taken(now: 0) == 0)
        _ = bucket.take(3, now: 0)
        #expect(bucket.taken(now: 0) == 3)
        #expect(bucket.taken(now: 10_000) == 2)
        for _ in 0..<5 { #expect(bucket.take(1, now: 60_000_000) == 0) }
        #expect(bucket.take(1, now: 60_000_000) == 10_000)
    }

    @Test func whoHasNotThePatienceTakesNothing() {
        let bucket = bucket(rate: 10, burst: 1)
        #expect(bucket.take(1, now: 0) == 0)
        #expect(bucket.take(1, now: 0, patience: 99_000) == nil)
        #expect(bucket.take(1, now: 0, patience: 100_000) == 100_000)
    }

    @Test func aChangedRateHoldsAtOnceAndForgivesDebts() {
        let bucket = bucket(rate: 10, burst: 10)
        for _ in 0..<30 { _ = bucket.take(1, now: 0) }
        bucket.set(rate: 1000, burst: 10, now: 0)
        #expect(bucket.take(1, now: 0) == 1000)
        bucket.set(rate: 0, burst: 0, now: 0)
        #expect(bucket.take(1, now: 0) == 0)
    }

    @Test func largestNumbersDoNotOverflow() {
        let bucket = bucket(rate: 1, burst: 1)
        #expect(bucket.take(.max, now: 1) != nil)
        #expect(bucket.take(1, now: 1) ?? 0 > 1_000_000_000)
    }

    @Test func overThreadsTheRateIsExact() async {
        let bucket = bucket(rate: 1000, burst: 10)
        await withTaskGroup(of: Int64.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<500).reduce(0) { most, _ in max(most, bucket.take(1, now: 0) ?? 0) } }
            }
            var longest: Int64 = 0
            for await wait in group { longest = max(longest, wait) }
            #expect(longest == (2000 - 10) * 1000)
        }
    }
}
