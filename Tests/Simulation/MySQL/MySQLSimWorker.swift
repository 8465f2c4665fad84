import ByteKit
import MySQLWire
import Pooling
import SQLText
import Sessions

/// One worker of the simulated proxy, for MySQL.
final class MySQLSimWorker: SimPool {
    let environment = MySQLEnvironment(statementCacheEntries: 64)
    let facts: MySQLFacts?
    /// Servers end without being asked, and what they know with them.
    var mayLose = false

    /// The schema everybody is logged in to.
    static let schema = "db0"
    static let version = MySQLServerVersion(isMariaDB: true, number: 101_100)

    override init(_ world: World, index: Int, share: PoolShare, limits: PoolLimits, statementLimit: Int, census: Census)
    {
        let rows = [["45", "utf8mb4", "utf8mb4_general_ci"], ["8", "latin1", "latin1_swedish_ci"], ["0", "", ""]]
        facts = MySQLFacts(
            rows: rows.map { row in
                var out = ByteWriter()
                for value in row { out.lengthEncoded(Array(value.utf8)) }
                return out.take()
            }, version: Self.version)
        super.init(
            world, index: index, share: share, limits: limits, statementLimit: statementLimit, census: census)
    }

    override func makeServer(_ slot: UInt32) -> PooledSimServer { MySQLSimServer(self, slot: slot) }

    /// What a session begins with that was logged in to with this collation.
    func base(collation: UInt16) -> SettingsProfile {
        guard let facts else { return environment.profiles.empty }
        return environment.base(facts, collation: collation, database: Self.schema, ignoresSpace: false)
    }
}
