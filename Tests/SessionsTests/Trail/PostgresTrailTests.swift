import ByteKit
import PostgresWire
import SQLText
import Settings
import Testing

@testable import Sessions

/// A client and its server, talking through the engine with a trail.
private final class Talk {
    let environment = SessionEnvironment(worker: 0)
    let trail = StatementTrail(dialect: .postgres, origin: 3)
    let client: ClientSession
    let server: ServerSession

    init() {
        client = ClientSession(
            base: environment.profiles.empty, status: environment.statuses.empty, mode: .transaction, policy: .auto)
        server = ServerSession(
            settings: environment.profiles.empty, status: environment.statuses.empty, statementLimit: 8)
        client.trail = TrailSession(slot: 7, trail: trail)
    }

    @discardableResult
    func says(_ bytes: [UInt8]) -> ClientStop {
        defer { reset() }
        return bytes.withSpan { environment.relay($0, from: client, to: server) }.stop
    }

    /// The bytes that went to the server.
    func sends(_ bytes: [UInt8]) -> Int {
        defer { reset() }
        _ = bytes.withSpan { environment.relay($0, from: client, to: server) }
        return environment.toServer.byteCount
    }

    func answers(_ bytes: [UInt8]) {
        _ = bytes.withSpan { environment.relay($0, from: server, to: client) }
        reset()
    }

    private func reset() {
        environment.toServer.reset()
        environment.toClient.reset()
    }

    /// What has been noted, a line each.
    func noted() -> [String] {
        defer { trail.taken() }
        return trail.outcomes.map { outcome in
            let part = outcome.statement.shape.parts[outcome.statement.shape.part(outcome.index)]
            var line = "\(outcome.end) \((outcome.serverClass ?? part.statementClass).name) \(part.operation)"
            if let rows = outcome.returnedRows { line += " returned \(rows)" }
            if let rows = outcome.affectedRows { line += " affected \(rows)" }
            if outcome.sqlstate != 0 { line += " \(outcome.state)" }
            if outcome.isSuspended { line += " suspended" }
            return line
        }
    }
}

private func message(_ tag: Character, _ body: [UInt8] = []) -> [UInt8] {
    let length = UInt32(body.count + 4)
    return [tag.asciiValue ?? 0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + body
}
private func text(_ string: String) -> [UInt8] { Array(string.utf8) + [0] }
private func query(_ sql: String) -> [UInt8] { message("Q", text(sql)) }
private func parse(_ sql: String, _ name: String = "") -> [UInt8] { message("P", text(name) + text(sql) + [0, 0]) }
private func bind(_ portal: String = "", _ name: String = "") -> [UInt8] {
    message("B", text(portal) + text(name) + [0, 0, 0, 0, 0, 0])
}
private func execute(_ portal: String = "", rows: UInt8 = 0) -> [UInt8] {
    message("E", text(portal) + [0, 0, 0, rows])
}
private let sync = message("S")
private func complete(_ tag: String) -> [UInt8] { message("C", text(tag)) }
private func ready(_ status: Character = "I") -> [UInt8] { message("Z", [status.asciiValue ?? 0]) }
private func error(_ state: String, _ severity: String = "ERROR") -> [UInt8] {
    message("E", [0x56] + text(severity) + [0x43] + text(state) + [0x4D] + text("no") + [0])
}
private let parsed = message("1"), bound = message("2")

@Suite struct PostgresTrailTests {
    private let talk = Talk()

    @Test func everyStatementOfATextHasItsOwnEnd() {
        talk.says(query("BEGIN; INSERT INTO t VALUES (1), (2); SELECT a FROM t; COMMIT"))
        talk.answers(complete("BEGIN") + complete("INSERT 0 2") + message("T", [0, 0]) + complete("SELECT 5"))
        talk.answers(complete("COMMIT") + ready())
        #expect(
            talk.noted() == [
                "success TCL BEGIN", "success WRITE INSERT affected 2", "success READ SELECT returned 5",
                "success TCL COMMIT",
            ])
        #expect(talk.server.hasNothingOnRecord)
    }

    @Test func whatStandsBehindAnErrorIsSkipped() {
        talk.says(query("SELECT 1; SELECT 1/0; DELETE FROM t"))
        talk.answers(complete("SELECT 1") + error("22012") + ready())
        #expect(
            talk.noted() == [
                "success READ SELECT returned 1", "failure READ SELECT 22012", "skipped WRITE DELETE",
            ])
        talk.says(query("SELECT 1"))
        talk.answers(complete("SELECT 1") + ready())
        #expect(talk.noted() == ["success READ SELECT returned 1"])
    }

    @Test func pipelinesAreFollowed() {
        talk.says(parse("UPDATE t SET a = $1") + bind() + execute() + parse("SELECT b") + bind() + execute() + sync)
        talk.answers(parsed + bound + complete("UPDATE 3") + parsed + bound + complete("SELECT 2") + ready())
        #expect(talk.noted() == ["success WRITE UPDATE affected 3", "success READ SELECT returned 2"])
    }

    @Test func anErrorInAPipelineSkipsUpToItsSync() {
        talk.says(parse("UPDATE t SET a = 1") + bind() + execute() + parse("SELECT b") + bind() + execute() + sync)
        talk.says(parse("SELECT c") + bind() + execute() + sync)
        talk.answers(parsed + bound + error("23505") + ready() + parsed + bound + complete("SELECT 1") + ready())
        #expect(
            talk.noted() == [
                "failure WRITE UPDATE 23505", "skipped READ SELECT", "success READ SELECT returned 1",
            ])
    }

    @Test func aParseThatFailsIsRecordedOnce() {
        talk.says(parse("SELEC 1") + bind() + execute() + sync)
        talk.answers(error("42601") + ready())
        #expect(talk.noted() == ["failure UNKNOWN SELEC 42601"])
        talk.says(parse("SELECT nothing", "s") + sync)
        talk.answers(error("42703") + ready())
        #expect(talk.noted() == ["failure READ SELECT 42703"])
        talk.says(parse("SELECT 1", "t") + sync)
        talk.answers(parsed + ready())
        #expect(talk.noted() == [])
    }

    @Test func whatComesWhileTheServerSkipsIsSkipped() {
        talk.says(parse("SELECT 1") + bind() + message("H"))
        talk.answers(parsed + error("22P02"))
        talk.says(execute() + sync)
        talk.answers(ready())
        #expect(talk.noted() == ["skipped READ SELECT"])
    }

    @Test func portalsAreReadInParts() {
        talk.says(parse("SELECT a FROM t") + bind("p") + execute("p", rows: 2) + execute("p", rows: 2) + sync)
        talk.answers(parsed + bound + message("s") + complete("SELECT 1") + ready())
        #expect(talk.noted() == ["success READ SELECT suspended", "success READ SELECT returned 1"])
    }

    @Test func whatTheServerSaysIsBelieved() {
        talk.says(query("EXECUTE p"))
        talk.answers(error("26000") + ready())
        talk.says(query("FETCH ALL FROM c"))
        talk.answers(complete("FETCH 4") + ready())
        #expect(talk.noted() == ["failure MISC EXECUTE 26000", "success READ FETCH returned 4"])
    }

    @Test func functionCallsAndCopiesAreRecorded() {
        talk.says(message("F", [0, 0, 0, 9]))
        talk.answers(message("V", [0, 0, 0, 0]) + ready())
        #expect(talk.noted() == ["success FUNCTION FUNCTION CALL"])
        talk.says(query("COPY t FROM STDIN"))
        talk.answers(message("G", [0, 0, 0]))
        talk.says(message("d", [UInt8](repeating: 0x61, count: 100)) + message("c"))
        talk.answers(complete("COPY 1"))
        #expect(talk.trail.outcomes.first?.statement.bytesIn ?? 0 > 100)
        #expect(talk.noted() == ["success WRITE COPY affected 1"])
        talk.answers(ready())
        #expect(talk.noted() == [])
    }

    @Test func strictStatementsWaitForTheirIntent() throws {
        talk.trail.strict = StatementClasses(.ddl)
        #expect(talk.says(query("SELECT 1")) == .drained)
        talk.answers(complete("SELECT 1") + ready())
        _ = talk.noted()
        let create = query("CREATE TABLE t (a int)")
        #expect(talk.says(create) == .needTrail)
        let intended = try #require(talk.trail.takeIntended())
        talk.trail.grant(intended)
        #expect(talk.sends(create) > 0)
        talk.answers(complete("CREATE TABLE") + ready())
        #expect(talk.trail.outcomes.first?.statement.id == intended.id)
        #expect(talk.noted() == ["success DDL CREATE TABLE"])
    }

    @Test func whatCannotBeRecordedIsRefused() throws {
        talk.trail.strict = StatementClasses(.ddl)
        let create = query("CREATE TABLE t (a int)")
        #expect(talk.says(create) == .needTrail)
        talk.trail.deny(
            try #require(talk.trail.takeIntended()), TrailRefusal(message: "the disk is full", hint: "Free space."))
        #expect(talk.says(create) == .drained)
        #expect(talk.noted() == ["denied DDL CREATE TABLE"])
        // The server is made to fail in its place.
        talk.answers(error("34000") + ready())
        #expect(talk.noted() == [])
        #expect(talk.server.hasNothingOnRecord)
    }

    @Test func nothingIsLostWithAServer() {
        talk.says(query("SELECT 1; SELECT 2"))
        talk.answers(complete("SELECT 1"))
        talk.environment.abandonStatements(on: talk.server)
        #expect(talk.noted() == ["success READ SELECT returned 1", "unknown READ SELECT"])
        talk.says(query("UPDATE t SET a = 1"))
        talk.answers(error("57P01", "FATAL"))
        #expect(talk.noted() == ["failure WRITE UPDATE 57P01"])
    }

    @Test func statementsOfATransactionAreOne() {
        talk.says(query("BEGIN"))
        talk.answers(complete("BEGIN") + ready("T"))
        talk.says(query("SELECT 1"))
        talk.answers(complete("SELECT 1") + ready("T"))
        talk.says(query("COMMIT"))
        talk.answers(complete("COMMIT") + ready())
        talk.says(query("SELECT 2"))
        talk.answers(complete("SELECT 1") + ready())
        let transactions = talk.trail.outcomes.map(\.statement.transaction)
        #expect(Set(transactions).count == 2)
        #expect(transactions.prefix(3).allSatisfy { $0 == transactions[0] })
        #expect(talk.trail.outcomes.map(\.statement.transactionIndex) == [0, 1, 2, 0])
    }
}
