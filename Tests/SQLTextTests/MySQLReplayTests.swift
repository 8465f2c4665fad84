import ByteKit
import Testing

@testable import SQLText

/// What is replayed of a `SET`. The fixtures say what we make of each text; whether that is right is for real servers to
/// say (integration/test_mysql_replays.py). `UPDATE_FIXTURES=1` writes them anew.
@Suite struct MySQLReplayTests {
    private func described(_ effect: SessionEffect) -> String {
        switch effect {
        case .set(let name, let replay):
            // No replay has a backslash, so one can stand for what would break the line.
            "set\t\(name)\t"
                + String(decoding: replay, as: UTF8.self).unicodeScalars.map { scalar in
                    scalar.value < 0x20 ? "\\x0" + String(scalar.value, radix: 16) : String(scalar)
                }.joined()
        case .setComputed(let name): "computed\t\(name)"
        case .reset(let name): "reset\t\(name)"
        case .mayCreate(let kinds): "pins\t\(kinds.rawValue)"
        default: "\(effect)"
        }
    }

    @Test func statements() {
        var made: [String] = []
        let lines = Fixture.lines("Replays/statements.txt")
        for line in lines {
            if line.hasPrefix("#") { made.append(line) }
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, ["any", "mysql", "mariadb"].contains(parts[0]) else { continue }
            made.append(line)
            let options = LexerOptions(
                dialect: .mysql, ansiQuotes: parts[1] == "ANSI_QUOTES",
                noBackslashEscapes: parts[1] == "NO_BACKSLASH_ESCAPES",
                server: MySQLServerVersion(parsing: parts[0] == "mariadb" ? "10.11.19-MariaDB" : "9.7.4"))
            let cache = StatementCache(dialect: .mysql)
            let facts = with(parts[2]) { cache.entry(text: $0, types: RawSpan(), options: options).facts }
            #expect(facts.statements.count == 1, "\(line)")
            for statement in facts.statements {
                made += statement.effects.map(described)
                if statement.traits.contains(.nextTransaction) { made.append("next") }
                if statement.traits.contains(.setsForNext) { made.append("once") }
            }
        }
        Fixture.compare("Replays/statements.txt", lines, made)
    }

    /// What each server of the two families told of its variables, and how we give them these values again, or take them
    /// back.
    @Test(arguments: ["mariadb", "mysql"])
    func variables(_ family: String) {
        let server = MySQLServerVersion(parsing: family == "mysql" ? "9.7.4" : "10.11.19-MariaDB")
        let lines = Fixture.lines("Replays/\(family).txt")
        let made = lines.map { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count >= 2, !line.hasPrefix("#") else { return line }
            let set = MySQLVariables.assignment(parts[0], value: Array(parts[1].utf8)).map {
                String(decoding: $0, as: UTF8.self)
            }
            let reset = MySQLVariables.reset(parts[0], server: server).map { String(decoding: $0, as: UTF8.self) }
            let handling = "\(MySQLVariables.of(parts[0]).handling)"
            return [parts[0], parts[1], handling, set ?? "-", reset ?? "-"].joined(separator: "\t")
        }
        #expect(lines.count > 100)
        Fixture.compare("Replays/\(family).txt", lines, made)
    }

    /// Each line is a statement, a tab, and the statement with numbers in it; `-` where none can be put in.
    @Test func reads() {
        let lines = Fixture.lines("Replays/reads.txt")
        let made = lines.map { line in
            let text = String(line.split(separator: "\t")[0])
            if line.hasPrefix("#") { return line }
            let cache = StatementCache(dialect: .mysql)
            let replaced = with(text) { span in
                cache.entry(text: span, types: RawSpan()).facts.statements[0].reads?.replacing(in: span) { kind in
                    switch kind {
                    case .lastInsertID: .unsigned(5)
                    case .rowCount: .signed(-1)
                    case .foundRows, .warningCount, .errorCount, .connectionID: .unsigned(7)
                    }
                }
            }
            return text + "\t" + (replaced.map { String(decoding: $0, as: UTF8.self) } ?? "-")
        }
        Fixture.compare("Replays/reads.txt", lines, made)
    }

    @Test func names() {
        #expect(MySQLVariables.of("TX_ISOLATION").name == "transaction_isolation")
        #expect(MySQLVariables.of("character_set_connection").name == "collation_connection")
        #expect(MySQLVariables.of("nobody_knows_it") == MySQLVariable(name: "nobody_knows_it", handling: .replayed))
        #expect(MySQLVariables.of("Wait_Timeout").handling == .ofConnection)
        #expect(MySQLVariables.of("insert_id").handling == .once)
        #expect(MySQLVariables.of("pseudo_slave_mode").handling == .pins)
        #expect(MySQLVariables.comesLast("@a") && !MySQLVariables.comesLast("sql_mode"))
    }

    @Test func values() {
        func assignment(_ name: String, _ value: String) -> String? {
            MySQLVariables.assignment(name, value: Array(value.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(assignment("sql_mode", "ANSI,PIPES") == "SET sql_mode = 'ANSI,PIPES'")
        #expect(
            assignment("tx_isolation", "READ-COMMITTED") == "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        #expect(assignment("tx_isolation", "x") == nil)
        #expect(assignment("transaction_read_only", "ON") == "SET SESSION TRANSACTION READ ONLY")
        #expect(assignment("long_query_time", "0.5") == "SET long_query_time = 0.5")
        #expect(assignment("character_set_results", "") == "SET character_set_results = NULL")
        #expect(assignment("x", "it's") == "SET x = 'it''s'" && assignment("x", "1.2.3") == "SET x = '1.2.3'")
        #expect(assignment("x", "a\\b") == "SET x = _utf8mb4 X'615C62'" && assignment("x", "é\\") == nil)
        #expect(assignment("a b.c", "1") == "SET `a b`.`c` = 1" && assignment("database", "a`b") == "USE `a``b`")
        let old = MySQLServerVersion(parsing: "10.11.19-MariaDB")
        #expect(MySQLVariables.reset("tx_isolation", server: old) == Array("SET SESSION tx_isolation = DEFAULT".utf8))
        #expect(MySQLVariables.reset("@a", server: nil) == Array("SET @`a` = NULL".utf8))
        #expect(MySQLVariables.reset("role", server: old) == nil)
    }
}
