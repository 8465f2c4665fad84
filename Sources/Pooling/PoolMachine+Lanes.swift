import ByteKit

/// Where applications compete, or have limits of their own: a lane for each.
extension PoolMachine {
    var waitingInLanes: Int { lanes.reduce(0) { $0 &+ $1.count } }

    var readyInLanes: Int {
        lanes.reduce(0) { $1.isBlocked ? $0 : $0 &+ min($1.count, $1.app.share.roomForLeases) }
    }

    var oldestWaitInLanes: Int64? {
        lanes.lazy.filter { !$0.isBlocked }.compactMap { $0.waiters.first?.since }.min()
    }

    mutating func wait(
        _ client: UInt32, _ app: AppLine, _ ticket: UInt64, _ affinity: UInt64, _ preferred: UInt32?, _ now: Int64
    ) -> LeaseAnswer {
        spread()
        let index = lane(of: app)
        lanes[index].waiters.append(
            Waiter(client: client, ticket: ticket, since: now, turn: share.turn(lanes[index].share, app.share.weight)))
        guard lanes[index].count == 1 else { return .waits(ticket: ticket) }
        if !isPaused, idleCount > 0 {
            // A server is there: what is missing is a place of the application.
            if let places = takeOrBlock(index) {
                lanes[index].waiters.popFirst()
                gather()
                return .granted(server: takeIdle(affinity, preferred), places)
            }
        } else {
            publishOldest()
        }
        return .waits(ticket: ticket)
    }

    /// Places for the first client of a lane; without them the lane waits in its application's line.
    mutating func takeOrBlock(_ index: Int) -> AppPlaces? {
        guard let first = lanes[index].waiters.first else { return nil }
        let places = lanes[index].app.takeForLease(pool: number, ticket: first.ticket)
        lanes[index].isBlocked = places == nil
        return places
    }

    /// Clients whose application has all it may have wait in its line, where they are told of what becomes free.
    mutating func blockIfFull(_ index: Int) {
        guard !lanes[index].isBlocked, let first = lanes[index].waiters.first else { return }
        lanes[index].isBlocked = lanes[index].app.isFull(pool: number, ticket: first.ticket)
    }

    mutating func blockFullLanes() {
        dropGone()
        spread()
        for index in lanes.indices where !lanes[index].isBlocked {
            blockIfFull(index)
            if lanes[index].isBlocked { publishOldest() }
        }
    }

    /// Clients of the application need wait in its line no longer.
    public mutating func unblock(_ app: AppLine) {
        guard let index = lanes.firstIndex(where: { $0.app === app }), lanes[index].isBlocked else { return }
        lanes[index].isBlocked = false
        app.leave(pool: number)
        publishOldest()
    }

    /// The lane whose turn it is.
    func nextLane() -> Int? {
        var found: Int?
        var turn = UInt64.max
        for index in lanes.indices where !lanes[index].isBlocked {
            guard let first = lanes[index].waiters.first, first.turn < turn else { continue }
            turn = first.turn
            found = index
        }
        return found
    }

    mutating func served(_ waiter: Waiter, _ index: Int) {
        share.served(waiter.turn)
        lanes[index].dropGone()
        blockIfFull(index)
        gather()
        publishOldest()
    }

    /// Nobody waits: the next one begins a plain line.
    private mutating func gather() {
        if lanes.allSatisfy(\.waiters.isEmpty) { lanes.removeAll() }
    }

    mutating func lane(of app: AppLine) -> Int {
        if let known = lanes.firstIndex(where: { $0.app === app }) { return known }
        // Applications come and go with the configuration.
        lanes.removeAll { $0.waiters.isEmpty }
        lanes.append(Lane(app: app, share: share.lane(of: app.share)))
        return lanes.count &- 1
    }

    mutating func withdrawFromLane(_ ticket: UInt64, _ app: AppLine) {
        guard let index = lanes.firstIndex(where: { $0.app === app }) else { return }
        lanes[index].gone.insert(ticket)
        lanes[index].dropGone()
        frontChanged(index)
        gather()
    }

    /// Somebody else is first in a lane, or nobody.
    private mutating func frontChanged(_ index: Int) {
        guard lanes[index].isBlocked else { return }
        lanes[index].isBlocked = false
        lanes[index].app.leave(pool: number)
        blockIfFull(index)
    }

    mutating func takeWaitersOfLanes() -> [UInt32] {
        var clients: [UInt32] = []
        for index in lanes.indices {
            lanes[index].dropGone()
            while let waiter = lanes[index].waiters.popFirst() {
                clients.append(waiter.client)
                lanes[index].dropGone()
            }
            frontChanged(index)
        }
        gather()
        return clients
    }

    mutating func takeOverdueOfLanes(_ deadline: Int64) -> UInt32? {
        for index in lanes.indices {
            guard let waiter = lanes[index].waiters.first, waiter.since <= deadline else { continue }
            lanes[index].waiters.popFirst()
            lanes[index].dropGone()
            frontChanged(index)
            gather()
            publishOldest()
            return waiter.client
        }
        return nil
    }
}
