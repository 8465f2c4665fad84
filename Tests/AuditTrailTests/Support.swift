import ByteKit
import Credentials
import Settings
import Testing

@testable import AuditTrail

/// A producer and what a writer would make of its frames, without files.
final class Desk {
    let ring: AuditRing
    let producer: AuditProducer
    var encoder = LineEncoder(stream: "px-1/0001", bootID: "b007", identifiers: RecordIdentifiers(seed: 7))
    let tables = ProducerTables()
    var state = ChainState()

    init(capacity: Int = 1 << 16) throws {
        ring = AuditRing(index: 3, capacity: capacity) {}
        let bell = try #require(AuditBell())
        producer = AuditProducer(ring: ring, bell: bell)
    }

    /// Everything in the ring as lines.
    func drain() -> [String] {
        var batch = Batch()
        _ = unsafe ring.take { head, payload in
            _ = unsafe encoder.encode(head, payload, tables, now: 1_700_000_000_000_000_000, into: &batch, &state)
            return true
        }
        return Lines.split(batch.lines.array()).map { String(decoding: $0, as: UTF8.self) }
    }
}

enum Lines {
    static func split(_ bytes: [UInt8]) -> [[UInt8]] { bytes.split(separator: 10).map { Array($0) } }
}

extension AuditSession {
    static var sample: AuditSession {
        var session = AuditSession()
        session.address = "10.2.3.4"
        session.port = 51544
        session.listenerPort = 6432
        session.user = "billing_rw"
        session.app = "billing"
        session.database = "shop"
        session.applicationName = "invoices"
        session.id = "01JD"
        session.connectionID = 17
        return session
    }
}

extension AuditShape {
    static var sample: AuditShape {
        var shape = AuditShape(statementClass: .write, fingerprint: 0x8c1e_55aa_90b1_f3d2)
        shape.operation = "UPDATE"
        shape.summary = "UPDATE invoices"
        shape.text = Array("UPDATE invoices SET paid = $1 WHERE id = $2".utf8)
        shape.objects = [AuditObject(type: "table", schema: "public", name: "invoices", access: "write")]
        return shape
    }
}

extension AuditStatement {
    static func sample(_ id: UInt64 = 1, mode: AuditMode = .buffered) -> AuditStatement {
        var statement = AuditStatement(
            session: 0, shape: 0, id: id, mode: mode, statementClass: .write, protocolPath: .extended,
            startedAt: 1_763_671_260_123_456_789)
        statement.backend = 0
        statement.duration = 1_834_112
        statement.waited = 400
        statement.affectedRows = 1
        statement.bytesIn = 45
        statement.bytesOut = 120
        statement.serverPID = 41221
        statement.textLength = 61
        return statement
    }
}

extension AuditProducer {
    @discardableResult
    func record(_ statement: AuditStatement, error: String = "") -> AuditTicket? {
        Array(error.utf8).withSpan { error in [].withSpan { record(statement, error: error, parameters: $0) } }
    }

    func defineSamples() {
        define(session: 0, .sample)
        define(shape: 0, .sample)
        define(backend: 0, AuditBackend(address: "pg-a", port: 5432))
    }
}
