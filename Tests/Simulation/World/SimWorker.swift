import ByteKit
import Pooling
import PostgresWire
import Sessions

/// One worker of the simulated proxy: does with the engines what `Proxy` does, on simulated wires.
final class SimWorker {
    let world: World
    let index: Int
    let environment: SessionEnvironment
    var machine: PoolMachine
    let census: Census
    var others: [SimWorker] = []
    var clients: [UInt32: SimClient] = [:]
    var servers: [UInt32: SimServer] = [:]
    private var nextSlot: UInt32 = 1
    let statementLimit: Int

    init(_ world: World, index: Int, share: PoolShare, limits: PoolLimits, statementLimit: Int, census: Census) {
        self.world = world
        self.index = index
        self.statementLimit = statementLimit
        self.census = census
        environment = SessionEnvironment(worker: index, statementCacheEntries: 64)
        machine = PoolMachine(share: share, worker: index, limits: limits)
    }

    func slot() -> UInt32 {
        nextSlot += 1
        return nextSlot
    }

    func post(to other: Int, _ action: @escaping (SimWorker) -> Void) {
        guard let target = others.first(where: { $0.index == other }) else { return }
        world.after(1 + world.random.below(100)) { action(target) }
    }

    // MARK: Pool

    func request(_ client: SimClient) -> Bool {
        switch machine.request(client: client.slot, affinity: client.session.settings.affinity, now: world.now) {
        case .granted(let slot):
            guard let server = servers[slot] else { return false }
            if world.random.chance(5) {
                client.ticket = machine.waitAtFront(client: client.slot, now: world.now)
                client.phase = .waiting
                server.check()
                return false
            }
            client.phase = .active
            server.link(client)
            return true
        case .waits(let ticket):
            client.ticket = ticket
            client.phase = .waiting
            supply()
            return false
        }
    }

    func place(_ server: SimServer) {
        switch machine.place(server: server.slot, affinity: server.session.settings.affinity, now: world.now) {
        case .assigned(let slot, _):
            guard let client = clients[slot] else { return place(server) }
            client.granted(server)
        case .idle: break
        case .lent(let other): lend(server, to: other)
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
                let server = SimServer(self, slot: slot())
                servers[server.slot] = server
                world.after(10 + world.random.below(300)) { [self] in
                    machine.opened()
                    place(server)
                }
            }
        }
    }

    private func lendIdle(to other: Int) {
        guard let slot = machine.lend(to: other), let server = servers[slot] else { return }
        lend(server, to: other)
    }

    private func lend(_ server: SimServer, to other: Int) {
        servers[server.slot] = nil
        let settings = server.session.settings.entries
        let status = server.session.status.entries
        let statements = server.session.heldStatements
        post(to: other) { worker in
            let session = ServerSession(
                settings: worker.environment.profiles.intern(settings),
                status: worker.environment.statuses.intern(status), holding: statements)
            server.move(to: worker, slot: worker.slot(), session)
            worker.servers[server.slot] = server
            worker.place(server)
            worker.machine.publishOldest()
        }
    }

    func closed(_ server: SimServer) {
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

extension SendPlan {
    /// The bytes to be sent, for a plan made from `source`; empties it.
    func flatten(_ source: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        if isEmpty { return bytes }
        for piece in earlier + [last] {
            if piece.isMade {
                made.withBytes { bytes += $0.extracting(piece.start..<piece.end).toArray() }
            } else {
                bytes += source[piece.start..<piece.end]
            }
        }
        reset()
        return bytes
    }
}
