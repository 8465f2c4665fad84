import Pooling

/// A client as its worker's pool knows it, whatever it speaks (`PooledClient` in the proxy).
class PooledSimClient {
    let slot: UInt32
    var ticket: UInt64 = 0

    init(slot: UInt32) { self.slot = slot }

    /// Servers with these settings serve it best.
    var affinity: UInt64 { 0 }
    /// A server that serves it better than any other.
    var preferredServer: UInt32? { nil }

    /// It is in line.
    func waits() {}
    /// It has asked and has this server at once.
    func takes(_ server: PooledSimServer) {}
    /// A server has been given to it while it waited.
    func granted(_ server: PooledSimServer) {}
}

/// A server connection as its worker's pool knows it (`PooledServer` in the proxy).
class PooledSimServer {
    var slot: UInt32

    init(slot: UInt32) { self.slot = slot }

    /// Whose settings it has.
    var affinity: UInt64 { 0 }
    /// For whoever looks at a run that failed.
    var summary: String { "" }

    /// Nothing is left to happen: says what is wrong with it.
    func inspectAtEnd() {}
    /// The connection has been made: it calls `SimPool.opened` when it can be given out.
    func begins() {}
    /// Makes sure it still answers.
    func check() {}
    /// What takes it over in another worker, now that it leaves this one; nil if it cannot go.
    func leave() -> ((SimPool) -> Void)? { nil }
    /// Another worker needs it, and it is free.
    func lend(to other: Int, from pool: SimPool) { pool.send(self, to: other) }
}

/// One worker's part of the pool: does with `PoolMachine` what `Pool` and `Worker` do.
class SimPool {
    let world: World
    let index: Int
    var machine: PoolMachine
    let census: Census
    var others: [SimPool] = []
    var clients: [UInt32: PooledSimClient] = [:]
    var servers: [UInt32: PooledSimServer] = [:]
    private var nextSlot: UInt32 = 1
    let statementLimit: Int

    init(_ world: World, index: Int, share: PoolShare, limits: PoolLimits, statementLimit: Int, census: Census) {
        self.world = world
        self.index = index
        self.statementLimit = statementLimit
        self.census = census
        machine = PoolMachine(share: share, worker: index, limits: limits)
    }

    /// A new connection.
    func makeServer(_ slot: UInt32) -> PooledSimServer { PooledSimServer(slot: slot) }

    func slot() -> UInt32 {
        nextSlot += 1
        return nextSlot
    }

    func post(to other: Int, _ action: @escaping (SimPool) -> Void) {
        guard let target = others.first(where: { $0.index == other }) else { return }
        world.after(1 + world.random.below(100)) { action(target) }
    }

    func request(_ client: PooledSimClient) -> Bool {
        switch machine.request(
            client: client.slot, affinity: client.affinity, preferred: client.preferredServer, now: world.now)
        {
        case .granted(let slot):
            guard let server = servers[slot] else { return false }
            if world.random.chance(5) {
                client.ticket = machine.waitAtFront(client: client.slot, now: world.now)
                client.waits()
                server.check()
                return false
            }
            client.takes(server)
            return true
        case .waits(let ticket):
            client.ticket = ticket
            client.waits()
            supply()
            return false
        }
    }

    func place(_ server: PooledSimServer) {
        switch machine.place(server: server.slot, affinity: server.affinity, now: world.now) {
        case .assigned(let slot, _):
            guard let client = clients[slot] else { return place(server) }
            client.granted(server)
        case .idle: break
        case .lent(let other): server.lend(to: other, from: self)
        }
    }

    func supply() {
        while true {
            switch machine.supply(now: world.now) {
            case .enough, .full, .evict: return
            case .ask(let other):
                let me = index
                post(to: other) { $0.lendIdle(to: me) }
                return
            case .open:
                census.opened()
                let server = makeServer(slot())
                servers[server.slot] = server
                world.after(10 + world.random.below(300)) { server.begins() }
            }
        }
    }

    /// A connection can be given out.
    func opened(_ server: PooledSimServer) {
        machine.opened()
        place(server)
    }

    private func lendIdle(to other: Int) {
        guard let slot = machine.lend(to: other), let server = servers[slot] else { return }
        server.lend(to: other, from: self)
    }

    /// Sends a free server to another worker.
    func send(_ server: PooledSimServer, to other: Int) {
        guard let adopt = server.leave() else { return }
        servers[server.slot] = nil
        post(to: other) { worker in
            server.slot = worker.slot()
            adopt(worker)
            worker.servers[server.slot] = server
            worker.place(server)
            worker.machine.publishOldest()
        }
    }

    func closed(_ server: PooledSimServer) {
        census.closed()
        servers[server.slot] = nil
        machine.removeIdle(server.slot)
        _ = machine.closed()
        supply()
        for other in machine.share.workersWaiting(notOf: index) { post(to: other) { $0.supply() } }
    }
}

/// How many servers there are and ever were at once.
final class Census {
    private(set) var open = 0
    private(set) var most = 0
    /// A server has ended that may have known something.
    var hasLost = false
    var problems: [String] = []
    /// Whether a server that holds other statements than are known is a failure (`SIMULATION_STRICT`).
    let countsStatements: Bool

    init(countsStatements: Bool) { self.countsStatements = countsStatements }

    func opened() {
        open += 1
        most = max(most, open)
    }

    func closed() { open -= 1 }
}
