import Pooling
import Sessions

/// A client as its worker's pool knows it, whatever it speaks (`PooledClient` in the proxy).
class PooledSimClient {
    let slot: UInt32
    var ticket: UInt64 = 0
    /// The application it belongs to, and what it holds of that one's places.
    let app: SimApp
    var places: AppPlaces = []
    /// It has a server and waits for a statement.
    var waitsForStatement = false

    init(slot: UInt32, app: SimApp) {
        self.slot = slot
        self.app = app
    }

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
    /// It may run the statement it waited for.
    func statementGranted() {}
    /// What it was permitted has not been sent, and is not permitted any more.
    func takePermit() {}
    /// A statement of it runs.
    var isBusy: Bool { false }

    /// Its server is gone.
    func leaseEnded() {
        if waitsForStatement {
            // It asks anew when it has another.
            app.line.withdraw(ticket: ticket)
            app.passOn()
            ticket = 0
            waitsForStatement = false
        }
        let held = places
        places = []
        app.giveBack(held)
    }

    /// Something it has sent is answered.
    func statementEnded() {
        guard places.contains(.statement), !isBusy else { return }
        places.remove(.statement)
        takePermit()
        app.giveBack(.statement)
    }

    /// It has a server and wants to run a statement; false if it waits.
    func startStatement(_ now: Int64) -> Bool {
        if places.contains(.statement) { return true }
        switch app.line.takeStatement(client: slot, now: now) {
        case .granted(let taken):
            places.formUnion(taken)
            return true
        case .waits(let ticket):
            self.ticket = ticket
            waitsForStatement = true
            return false
        }
    }

    /// It waits no longer.
    func leaveLine(_ pool: SimPool) {
        guard ticket != 0 else { return }
        if waitsForStatement {
            app.line.withdraw(ticket: ticket)
        } else {
            pool.machine.withdraw(ticket: ticket, app: app.line)
        }
        ticket = 0
        waitsForStatement = false
        if app.line.mustAskNext { app.passOn() }
    }
}

/// One worker's part of an application.
final class SimApp {
    let line: AppLine
    unowned let pool: SimPool
    let number: Int
    /// What sessions of its clients are told.
    let rules: StatementRules?
    private var isListed = false

    init(_ share: AppShare, number: Int, pool: SimPool) {
        self.number = number
        self.pool = pool
        line = AppLine(share: share, worker: pool.index)
        rules = pool.census.limits[share.name].flatMap { limits in
            guard limits.statements > 0 else { return nil }
            let rules = StatementRules()
            rules.needsPermit = true
            return rules
        }
    }

    func giveBack(_ places: AppPlaces) {
        if !places.isEmpty, line.share.release(places) { passOn() }
    }

    /// Lets those go on who may, when whatever happens now has happened.
    func passOn() {
        if isListed { return }
        isListed = true
        pool.world.after(0) { [self] in
            isListed = false
            loop: while true {
                switch line.next() {
                case .nobody: break loop
                case .elsewhere(let other):
                    pool.post(to: other) { [number] in $0.apps[number].passOn() }
                    break loop
                case .client(let slot):
                    guard let client = pool.clients[slot], client.waitsForStatement else {
                        pool.census.problems.append("client \(slot) is given a statement it does not wait for")
                        break loop
                    }
                    client.ticket = 0
                    client.waitsForStatement = false
                    client.places.insert(.statement)
                    client.statementGranted()
                case .pool:
                    pool.machine.unblock(line)
                    pool.serve()
                    pool.supply()
                }
            }
            pool.serve()
        }
    }
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
    /// Its part of every application.
    var apps: [SimApp] = []
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

    /// The application of the next client.
    func appOfNext() -> SimApp { apps.count == 1 ? apps[0] : world.random.pick(apps) }

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
            client: client.slot, app: client.app.line, affinity: client.affinity, preferred: client.preferredServer,
            now: world.now)
        {
        case .granted(let slot, let places):
            guard let server = servers[slot] else {
                census.problems.append("server \(slot) has gone and lies idle")
                return false
            }
            if world.random.chance(5) {
                client.app.giveBack(places)
                client.ticket = machine.waitAtFront(client: client.slot, app: client.app.line, now: world.now)
                client.waits()
                server.check()
                return false
            }
            client.places = places
            census.look(client.app.line.share)
            client.takes(server)
            return true
        case .waits(let ticket):
            client.ticket = ticket
            client.waits()
            if client.app.line.mustAskNext || machine.canServe { client.app.passOn() }
            supply()
            return false
        }
    }

    /// Gives idle servers to clients whose application may have one again.
    func serve() {
        let clients = self.clients
        while let lease = machine.serve({ slot in
            clients[slot].map { ($0.affinity, $0.preferredServer) } ?? (0, nil)
        }) {
            guard let client = self.clients[lease.client], let server = servers[lease.server] else {
                census.problems.append("client \(lease.client) or server \(lease.server) has gone")
                continue
            }
            hand(server, to: client, lease.places)
        }
    }

    private func hand(_ server: PooledSimServer, to client: PooledSimClient, _ places: AppPlaces) {
        client.places = places
        census.look(client.app.line.share)
        client.granted(server)
    }

    func place(_ server: PooledSimServer) {
        switch machine.place(server: server.slot, affinity: server.affinity, now: world.now) {
        case .assigned(let slot, _, let places):
            guard let client = clients[slot] else {
                census.problems.append("client \(slot) has gone and waits")
                return place(server)
            }
            hand(server, to: client, places)
        case .idle: break
        case .lent(let other): server.lend(to: other, from: self)
        }
        if machine.canServe { serve() }
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

    /// What each application may have at once.
    var limits: [String: AppLimits] = [:]

    init(countsStatements: Bool) { self.countsStatements = countsStatements }

    /// An application has taken places: never more than it may have.
    func look(_ app: AppShare) {
        guard let limits = limits[app.name] else { return }
        if limits.servers > 0, app.servers.inUse > limits.servers {
            problems.append("app \(app.name) has \(app.servers.inUse) servers where \(limits.servers) may be")
        }
        if limits.statements > 0, app.statements.inUse > limits.statements {
            problems.append("app \(app.name) runs \(app.statements.inUse) statements where \(limits.statements) may be")
        }
    }

    func opened() {
        open += 1
        most = max(most, open)
    }

    func closed() { open -= 1 }
}
