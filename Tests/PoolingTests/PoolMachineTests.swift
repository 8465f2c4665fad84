import Testing

@testable import Pooling

@Suite struct PoolMachineTests {
    private let app = AppLine(share: AppShare(name: "default", workers: 2), worker: 0)
    private let appThere = AppLine(share: AppShare(name: "default", workers: 2), worker: 1)

    private func machine(_ share: PoolShare, _ worker: Int = 0, size: Int = 1) -> PoolMachine {
        PoolMachine(share: share, worker: worker, limits: PoolLimits(size: size))
    }

    @Test func clientsAreServedInTheOrderTheyCame() {
        var pool = machine(PoolShare(workers: 1, database: CapacityCounter(), user: CapacityCounter()))
        #expect(pool.request(client: 1, app: app, affinity: 0, now: 10) == .waits(ticket: 1))
        #expect(pool.supply(now: 10) == .open)
        #expect(pool.request(client: 2, app: app, affinity: 0, now: 11) == .waits(ticket: 2))
        #expect(pool.request(client: 3, app: app, affinity: 0, now: 12) == .waits(ticket: 3))
        #expect(pool.supply(now: 12) == .full)
        pool.opened()
        #expect(pool.place(server: 9, affinity: 0, now: 20) == .assigned(client: 1, waitedSince: 10, []))
        pool.withdraw(ticket: 2, app: app)
        #expect(pool.place(server: 9, affinity: 0, now: 21) == .assigned(client: 3, waitedSince: 12, []))
        #expect(pool.place(server: 9, affinity: 0, now: 22) == .idle)
        #expect(pool.request(client: 4, app: app, affinity: 0, now: 23) == .granted(server: 9, []))
    }

    @Test func aWaiterElsewhereIsSentTheServerThatBecomesFree() {
        let share = PoolShare(workers: 2, database: CapacityCounter(), user: CapacityCounter())
        var here = machine(share, 0)
        var there = machine(share, 1)
        #expect(here.reserve(now: 0) == .open)
        here.opened()
        #expect(there.request(client: 5, app: appThere, affinity: 0, now: 1) == .waits(ticket: 1))
        #expect(there.supply(now: 1) == .full)
        #expect(here.place(server: 1, affinity: 0, now: 2) == .lent(worker: 1))
        #expect(there.place(server: 7, affinity: 0, now: 3) == .assigned(client: 5, waitedSince: 1, []))
        #expect(share.servers.inUse == 1)
    }

    @Test func anIdleServerElsewhereIsAskedForBeforeAnotherIsOpened() {
        let share = PoolShare(workers: 2, database: CapacityCounter(), user: CapacityCounter())
        var here = machine(share, 0, size: 5)
        var there = machine(share, 1, size: 5)
        #expect(here.reserve(now: 0) == .open)
        here.opened()
        #expect(here.place(server: 1, affinity: 0, now: 0) == .idle)
        _ = there.request(client: 5, app: appThere, affinity: 0, now: 1)
        #expect(there.supply(now: 1) == .ask(worker: 0))
        #expect(here.lend(to: 1) == 1)
        #expect(there.place(server: 3, affinity: 0, now: 2) == .assigned(client: 5, waitedSince: 1, []))
    }
}
