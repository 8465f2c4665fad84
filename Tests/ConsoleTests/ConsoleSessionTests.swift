import ByteKit
import PostgresWire
import Proxy
import Testing

@testable import Console

@Suite struct ConsoleSessionTests {
    private let id = SocketID("0x0000000000000001")

    private func session(isAdmin: Bool = true) throws -> ConsoleSession {
        ConsoleSession(client: ConsoleClient(id: try #require(id), user: "dba", isAdmin: isAdmin, address: "test"))
    }

    private func message(_ tag: UInt8, _ parts: [String] = [], kind: Character? = nil, tail: Int = 0) -> [UInt8] {
        var out = ByteWriter()
        let mark = out.begin(tag)
        if let kind { out.text(String(kind)) }
        for part in parts { out.cString(part) }
        for _ in 0..<tail { out.u8(0) }
        out.end(mark)
        return out.take()
    }

    /// The types of messages in `bytes`.
    private func types(_ bytes: [UInt8]) -> String {
        bytes.withSpan { span in
            var position = 0
            var found = ""
            while case .header(let tag, _, let end) = scanFrame(span, at: position), end <= span.byteCount {
                found.unicodeScalars.append(Unicode.Scalar(tag))
                position = end
            }
            return found
        }
    }

    private let versions = Outcome.rows([Column("version", .text)], [["1"]], tag: "SHOW")

    @Test func simpleQuery() throws {
        let session = try session()
        session.receive(message(FrontendTag.query, ["SHOW VERSION"]))
        #expect(session.next() == .run(.show("version")))
        #expect(session.next() == .wait)
        session.finished(versions)
        #expect(types(session.takeOutput().bytes) == "TDCZ")
        #expect(session.next() == .wait)
    }

    @Test func messagesMayComeInPieces() throws {
        let session = try session()
        for byte in message(FrontendTag.query, ["SHOW VERSION"]) {
            #expect(session.next() == .wait)
            session.receive([byte])
        }
        #expect(session.next() == .run(.show("version")))
        #expect(session.takeOutput().used == 18)
    }

    @Test func oneReadyForQueryForSeveralStatements() throws {
        let session = try session()
        session.receive(message(FrontendTag.query, ["BEGIN; SHOW VERSION; SELECT 1; COMMIT"]))
        #expect(session.next() == .run(.show("version")))
        #expect(session.status == .inTransaction)
        session.finished(versions)
        #expect(session.next() == .wait)
        #expect(types(session.takeOutput().bytes) == "CTDCTDCCZ")
        #expect(session.status == .idle)
    }

    @Test func anErrorDropsTheRestAndKeepsTheConnection() throws {
        let session = try session()
        session.receive(message(FrontendTag.query, ["RELOAD; SHOW VERSION"]) + message(FrontendTag.query, [";"]))
        #expect(session.next() == .run(.reload))
        session.finished(.failed(PostgresError(.error, "F0000", "RELOAD failed")))
        #expect(session.next() == .wait)
        #expect(types(session.takeOutput().bytes) == "EZIZ")
    }

    @Test func extendedProtocol() throws {
        let session = try session()
        let batch =
            message(FrontendTag.parse, ["", "SHOW VERSION"], tail: 2) + message(FrontendTag.bind, ["", ""], tail: 6)
            + message(FrontendTag.describe, [""], kind: "P") + message(FrontendTag.execute, [""], tail: 4)
            + message(FrontendTag.sync)
        session.receive(batch)
        #expect(session.next() == .run(.show("version")))
        session.finished(versions)
        #expect(session.next() == .wait)
        let (bytes, used) = session.takeOutput()
        #expect(types(bytes) == "12TDCZ")
        #expect(used == batch.count)
    }

    @Test func namedStatementsAndTheirErrors() throws {
        let session = try session()
        session.receive(
            message(FrontendTag.parse, ["s", "RELOAD"], tail: 2) + message(FrontendTag.describe, ["s"], kind: "S")
                + message(FrontendTag.close, ["s"], kind: "S") + message(FrontendTag.describe, ["s"], kind: "S")
                + message(FrontendTag.execute, [""], tail: 4) + message(FrontendTag.sync))
        #expect(session.next() == .wait)
        #expect(types(session.takeOutput().bytes) == "1tn3EZ")
    }

    @Test func statsUsersOnlyLook() throws {
        let session = try session(isAdmin: false)
        for text in ["PAUSE", "RELOAD", "SHOW FDS", "SET log_level = debug"] {
            session.receive(message(FrontendTag.query, [text]))
            #expect(session.next() == .wait)
            #expect(types(session.takeOutput().bytes) == "EZ")
        }
        session.receive(message(FrontendTag.query, ["SHOW POOLS"]))
        #expect(session.next() == .run(.show("pools")))
    }

    @Test(arguments: [
        [UInt8](repeating: 0xFF, count: 16), [0x51, 0, 0, 0, 1], [0x51, 0x7F, 0, 0, 0],
        Array("GET / HTTP/1.1\r\n".utf8),
        [0x51, 0, 0, 0, 5, 0x41], [0x42, 0, 0, 0, 4], [0x50, 0, 0, 0, 5, 0], [0x44, 0, 0, 0, 4],
    ])
    func hostileBytesEndTheConversation(_ bytes: [UInt8]) throws {
        let session = try session()
        session.receive(bytes)
        #expect(session.next() == .close)
    }

    @Test func everyRowIsAsWideAsItsTable() {
        for table in ShowTables.all.values {
            for row in table.rows(Facts()) { #expect(row.count == table.columns.count) }
        }
    }

    @Test func averages() {
        func pools(_ transactions: UInt64, _ micros: UInt64) -> [PoolRow] {
            var totals = Totals()
            totals.transactions = transactions
            totals.transactionMicros = micros
            return [PoolRow(database: "shop", user: "a", mode: "transaction", totals: totals)]
        }
        var history = StatsHistory(now: 0)
        history.sample(pools(100, 1000), at: 10_000_000)
        history.sample(pools(300, 5000), at: 20_000_000)
        let found = history.statistics(pools(1000, 9000), now: 21_000_000)
        #expect(found.map(\.database) == ["shop"])
        #expect(found.first?.totals.transactions == 1000)
        #expect(found.first?.averages.transactions == 20)
        #expect(found.first?.averages.transactionMicros == 20)
    }
}
