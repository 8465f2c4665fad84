import ByteKit
import Testing

@testable import SQLText

@Suite struct QuickLookTests {
    private func look(_ text: String) -> Bool { Array(text.utf8).withSpan { QuickLook.leavesNoTrace($0) } }

    @Test(arguments: [
        "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;", "select 1 ", "UPDATE t SET a = a + 1 WHERE b = 'x'",
        "delete\nfrom t where a = 1 ; ", "SELECT 'in', t FROM int8s",
    ])
    func plain(_ text: String) { #expect(look(text)) }

    @Test(arguments: [
        "", "SELECT", "SELECT pg_advisory_lock(1)", "SELECT * INTO TEMP t FROM u", "SELECT * iNtO t FROM u",
        "SELECT 1; SET a = 1", "SET a = 1", "SELECTED x from y", "SELECT 1 -- ( ", "INSERT INTO t VALUES (1)",
        "SELECT a,\"into\" from t", "LISTEN channel", "SELECT $$;$$ x", "update",
    ])
    func needsACloserLook(_ text: String) { #expect(!look(text)) }

    /// What it searches for is found wherever it stands.
    @Test func findsEverywhere() {
        func quick(_ text: String) -> Bool { Array(text.utf8).withSpan { QuickLook.leavesNoTraceInMySQL($0) } }
        for before in 0..<20 {
            for behind in 1..<12 {
                func text(_ found: String) -> String {
                    "select " + String(repeating: "x", count: before) + found + String(repeating: "y", count: behind)
                }
                #expect(quick(text("")))
                for found in ["(", ";", "@", "/*", "sql_", "SQL_", "val", "VAL", "into", "iNTo"] {
                    #expect(!quick(text(found)), "\(text(found))")
                }
                // Not these.
                for found in ["*", "/", "_", "va", "in", "int", "l_", "nt", "to"] {
                    #expect(quick(text(found)), "\(text(found))")
                }
            }
        }
    }

    /// Whatever it lets pass has no effect by the full understanding either.
    @Test func neverLessCautiousThanTheParser() {
        let words = [
            "select", "update t set a=1", "delete from t", "into", "temp", "t", ";", "(", "--", "1", "'", "x", " ",
            "set",
        ]
        var dice = SystemRandomNumberGenerator()
        let cache = StatementCache(maxEntries: 64)
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 1...7, using: &dice)).map { _ in words.randomElement(using: &dice) ?? "" }
                .joined(separator: Bool.random(using: &dice) ? " " : "\n")
            guard look(text) else { continue }
            let facts = Array(text.utf8).withSpan { cache.entry(text: $0, types: $0.extracting(0..<0)).facts }
            #expect(!facts.flags.contains(.hasEffects) && facts.statements.count <= 1, "\(text)")
        }
    }
}
