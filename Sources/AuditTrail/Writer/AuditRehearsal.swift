import ByteKit
import Glibc
import Settings

/// For measuring: a trail written for no reason.
package enum AuditRehearsal {
    /// A statement as `pgbench -S` sends it, over and over: into the ring, `batch` of them, and out of it again. Into
    /// files below `directory` and synced once a batch, or nowhere (encoded and chained only). Answers the last sequence.
    package static func run(_ count: Int, batch: Int, directory: String?) -> UInt64 {
        guard let bell = AuditBell() else { return 0 }
        let home = directory ?? "/nowhere"
        var settings = AuditSettings()
        settings.directory = home
        settings.emergencySize = .zero
        let options = AuditOptions(settings: settings, node: "px-1", stateDirectory: home, version: "bench")
        if directory == nil {
            let ring = AuditRing(index: 0, capacity: 4 << 20) {}
            let producer = AuditProducer(ring: ring, bell: bell)
            define(producer)
            var encoder = LineEncoder(stream: "px-1/0000", bootID: "0000")
            var lines = Batch()
            var state = ChainState()
            let tables = ProducerTables()
            each(count, batch, producer) {
                _ = unsafe ring.take { head, payload in
                    _ = unsafe encoder.encode(head, payload, tables, now: 1, into: &lines, &state)
                    return true
                }
                lines.reset()
            }
            return state.sequence
        }
        guard case .success(let trail) = AuditTrail.open(options, files: FileSystem()), let setup = trail.takeSetup(),
            let writer = trail.makeWriter(setup)
        else { return 0 }
        writer.begin([], setup.recovered)
        let producer = trail.makeProducer {}
        define(producer)
        each(count, batch, producer) { while writer.turn().sleep == .awake {} }
        writer.end()
        return writer.committed.sequence
    }

    private static func define(_ producer: AuditProducer) {
        var session = AuditSession()
        session.address = "127.0.0.1"
        session.port = 51_544
        session.listenerPort = 6432
        session.user = "bench"
        session.database = "bench"
        session.applicationName = "pgbench"
        session.id = "0193a7b2c4d50012"
        producer.define(session: 0, session)
        var shape = AuditShape(statementClass: .read, fingerprint: 0x8c1e_55aa_90b1_f3d2)
        shape.operation = "SELECT"
        shape.summary = "SELECT pgbench_accounts"
        shape.text = Array("SELECT abalance FROM pgbench_accounts WHERE aid = $1".utf8)
        shape.objects = [AuditObject(type: "table", name: "pgbench_accounts", access: "read")]
        producer.define(shape: 0, shape)
        producer.define(backend: 0, AuditBackend(address: "127.0.0.1", port: 5432))
    }

    private static func each(_ count: Int, _ batch: Int, _ producer: AuditProducer, _ drain: () -> Void) {
        var statement = AuditStatement(
            session: 0, shape: 0, id: 1 << 56, mode: .buffered, statementClass: .read, protocolPath: .extended,
            startedAt: 1_763_671_260_123_456_789)
        statement.backend = 0
        statement.returnedRows = 1
        statement.duration = 181_224
        statement.bytesIn = 48
        statement.bytesOut = 96
        statement.textLength = 52
        statement.serverPID = 41_221
        let nothing: [UInt8] = []
        var left = count
        while left > 0 {
            for _ in 0..<min(batch, left) {
                statement.id &+= 1
                statement.startedAt &+= 12_345
                nothing.withSpan { nothing in
                    _ = producer.record(statement, error: nothing, parameters: nothing)
                }
            }
            left -= batch
            drain()
        }
    }
}
