import Pooling
import Sessions

/// One worker of the simulated proxy, for PostgreSQL.
final class SimWorker: SimPool {
    let environment: SessionEnvironment

    override init(_ world: World, index: Int, share: PoolShare, limits: PoolLimits, statementLimit: Int, census: Census)
    {
        environment = SessionEnvironment(worker: index, statementCacheEntries: 64)
        super.init(
            world, index: index, share: share, limits: limits, statementLimit: statementLimit, census: census)
    }

    override func makeServer(_ slot: UInt32) -> PooledSimServer { SimServer(self, slot: slot) }
}
