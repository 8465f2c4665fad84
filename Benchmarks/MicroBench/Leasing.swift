import Pooling

private let nobodys = AppShare(name: "default")

/// A pool of 20 idle servers, seen by worker 0 of `workers`.
func pool(workers: Int) -> PoolMachine {
    let share = PoolShare(workers: workers, database: CapacityCounter(), user: CapacityCounter())
    var pool = PoolMachine(share: share, worker: 0, limits: PoolLimits(size: 20))
    for server in 0..<20 { _ = pool.place(server: UInt32(server), affinity: 1, now: 0) }
    return pool
}

/// Takes an idle server and gives it back.
func leaseIdle(_ pool: inout PoolMachine, _ count: Int) -> UInt64 {
    let app = AppLine(share: nobodys, worker: 0)
    var sum: UInt64 = 0
    for round in 0..<count {
        let now = Int64(truncatingIfNeeded: round)
        guard case .granted(let server, _) = pool.request(client: 7, app: app, affinity: 1, now: now) else { return 0 }
        sum &+= UInt64(server)
        _ = pool.place(server: server, affinity: 1, now: now)
    }
    return sum
}

/// Every server is taken and 44 clients wait: the server given back goes to the first in line, and the client that had
/// it joins the end of the line.
func leaseWaiting(_ pool: inout PoolMachine, _ count: Int) -> UInt64 {
    let app = AppLine(share: nobodys, worker: 0)
    var held: UInt32 = 0
    for client in 0..<UInt32(64) {
        if case .granted(let server, _) = pool.request(client: client, app: app, affinity: 1, now: 0) { held = server }
    }
    var sum: UInt64 = 0
    for round in 0..<count {
        let now = Int64(truncatingIfNeeded: round)
        guard case .assigned(let client, _, _) = pool.place(server: held, affinity: 1, now: now) else { return 0 }
        sum &+= UInt64(client)
        _ = pool.request(client: client, app: app, affinity: 1, now: now)
    }
    return sum
}

let leasing = [
    Case(name: "lease-idle", operation: "lease an idle server and give it back, one worker", count: 100_000) { count in
        var one = pool(workers: 1)
        return leaseIdle(&one, count)
    },
    Case(name: "lease-idle-2", operation: "the same, two workers", count: 100_000) { count in
        var one = pool(workers: 2)
        return leaseIdle(&one, count)
    },
    Case(name: "lease-waiting", operation: "hand a server to the first of 44, one worker", count: 100_000) { count in
        var one = pool(workers: 1)
        return leaseWaiting(&one, count)
    },
    Case(name: "lease-waiting-2", operation: "the same, two workers", count: 100_000) { count in
        var one = pool(workers: 2)
        return leaseWaiting(&one, count)
    },
]
