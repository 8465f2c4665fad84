import ByteKit
import Testing

@testable import SQLText

@Suite struct RedactorTests {
    private func redact(_ text: String, _ options: LexerOptions = LexerOptions()) -> String {
        with(text) { Redactor(options).redact(RawSQL($0)) }
    }

    @Test func literalsGo() {
        #expect(redact("SELECT  'a', 12 FROM t WHERE x = $1 -- 'note'") == "SELECT  ?, ? FROM t WHERE x = $1")
        #expect(redact("ALTER ROLE u PASSWORD 'canary'") == "ALTER ROLE u PASSWORD ?")
        #expect(redact("SELECT/* 'canary' */1") == "SELECT ?")
        #expect(
            redact("SET my.password = canary; SET search_path = a")
                == "SET my.password = ?; SET search_path = a")
        #expect(redact("ALTER ROLE u SET my.secret = canary") == "ALTER ROLE u SET my.secret = ?")
        #expect(redact("UPDATE t SET password = other") == "UPDATE t SET password = other")
        #expect(redact("SET my.api_token TO canary") == "SET my.api_token TO ?")
    }

    @Test func everyQuotingFormGoes() {
        let postgres = [
            "'canary'", "E'can\\'ary canary'", "U&'canary'", "$$canary$$", "$t$canary$t$", "N'canary'", "'x''canary'",
            "'a'\n'canary'", "B'canary'", "X'canary'", "1canary",
        ]
        for literal in postgres { #expect(!redact("SELECT \(literal)").contains("canary"), "\(literal)") }
        let mysql = ["'canary'", "\"canary\"", "'a\\'canary'", "_utf8'canary'", "0xcanary", "x'canary'"]
        for literal in mysql {
            #expect(!redact("SELECT \(literal)", LexerOptions(dialect: .mysql)).contains("canary"), "\(literal)")
        }
    }

    @Test func unreadableIsWithheld() {
        #expect(redact("SELECT 'it\\'s canary'") == "<withheld: unparseable>")
        #expect(redact("SELECT \"canary") == "<withheld: unparseable>")
    }

    @Test func rawTextCannotBePrinted() {
        let raw = with("SELECT 'canary'") { RawSQL($0) }
        var dumped = ""
        dump(raw, to: &dumped)
        dump(with("SELECT 'canary'") { StatementCache().entry(text: $0, types: RawSpan()) }.text, to: &dumped)
        for text in ["\(raw)", String(describing: raw), String(reflecting: raw), dumped] {
            #expect(!text.contains("canary"))
        }
        #expect("\(raw)" == "<redacted>")
    }
}
