import EventLoop
import Pooling
import Settings

/// The right to one server connection outside the pools, counted where the pools count theirs.
final class ReservedPlace {
    private let share: PoolShare
    private let inPool: Bool
    private var isHeld = true

    private init(_ share: PoolShare, inPool: Bool) {
        self.share = share
        self.inPool = inPool
    }

    /// A place among the servers of the whole database, and for `inPool` among those of the pool and of the user too;
    /// nil while all are taken.
    static func take(_ pool: Pool, inPool: Bool) -> ReservedPlace? {
        let share = pool.global.share
        guard share.database.reserve(limit: pool.settings.maxDBConnections) else { return nil }
        guard inPool else { return ReservedPlace(share, inPool: false) }
        guard share.user.reserve(limit: pool.user.settings.maxUserConnections) else {
            _ = share.database.release()
            return nil
        }
        guard share.servers.reserve(limit: pool.settings.defaultPoolSize) else {
            _ = share.user.release()
            _ = share.database.release()
            return nil
        }
        return ReservedPlace(share, inPool: true)
    }

    /// Gives it back, and lets those who wait for one know.
    func release(_ worker: Worker, _ key: PoolKey) {
        guard isHeld else { return }
        isHeld = false
        var othersWait = share.database.release()
        if inPool {
            othersWait = share.user.release() || othersWait
            _ = share.servers.release()
        }
        if othersWait {
            worker.capacityFreed()
        } else if let pool = worker.pools[key] {
            worker.capacityFreed(in: pool)
        }
    }
}

extension Worker {
    /// Closes an idle server of the pool, or of another one that shares a limit with it, here or elsewhere, so that its
    /// place can be had soon.
    func makeRoom(for key: PoolKey) {
        @Sendable func closeOne(_ worker: Worker) -> Bool {
            if worker.pools[key]?.closeOneIdle() == true { return true }
            worker.pools[key]?.owesPlace = true
            return worker.pools.values.contains { pool in
                let other = pool.global.key
                return (other.database == key.database || other.user == key.user) && pool.closeOneIdle()
            }
        }
        if closeOne(self) { return }
        for other in 0..<shared.workerCount where other != index {
            _ = shared.worker(other)?.post(.job { worker in _ = closeOne(worker) })
        }
    }
}
