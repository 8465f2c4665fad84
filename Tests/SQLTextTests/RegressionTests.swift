import ByteKit
import Testing

@testable import SQLText

/// Properties over the statements of PostgreSQL's own regression tests.
@Suite(.enabled(if: !RegressionCorpus.files.isEmpty, "run integration/fetch-sql-corpus.sh"))
struct RegressionTests {
    @Test(arguments: RegressionCorpus.files)
    func statementsOfPostgres(_ path: String) {
        let cache = StatementCache(seed: Hash64(seed: 1))
        var parsed = 0
        let statements = RegressionCorpus.statements(path)
        for bytes in statements {
            let text = unsafe bytes.span.bytes
            let facts = cache.entry(text: text, types: RawSpan()).facts
            let shown = String(decoding: bytes, as: UTF8.self)
            if !facts.flags.contains(.unparsed) {
                parsed += 1
                // The splitter and the grammar agree on what one statement is, and on where it begins and ends.
                #expect(facts.statements.count == 1, "\(shown)")
                #expect(facts.statements.first?.range == 0..<bytes.count, "\(shown)")
                compareWithLexer(facts, text, shown)
            }
            let form = Fingerprint.normalized(text)
            let again = unsafe Fingerprint.normalized(form.span.bytes)
            #expect(form == again, "\(shown)")
            noLiteralLeaks(text, shown)
        }
        // What is left are the syntax errors the tests are there for, and psql variables.
        if path.hasSuffix("_errors.sql") || path.hasSuffix("_advisory_lock.sql") { return }
        #expect(statements.count < 20 || parsed * 10 > statements.count * 6, "\(parsed) of \(statements.count)")
    }

    /// The classifier by words agrees with the grammar wherever it says anything.
    private func compareWithLexer(_ facts: StatementFacts, _ text: RawSpan, _ shown: String) {
        guard let real = facts.statements.first else { return }
        var lexer = Lexer()
        var tokens: [Token] = []
        while let token = lexer.next(in: text) { tokens.append(token) }
        let guessed = LexicalFacts(tokens: tokens, options: LexerOptions()).statements(in: text).list
        guard let guess = guessed.first, guessed.count == 1 else { return }
        let isQuery: Set<StatementKind> = [.select, .values]
        #expect(
            guess.kind == real.kind || guess.kind == .unknown
                || isQuery.contains(guess.kind) && isQuery.contains(real.kind), "\(shown)")
        #expect(guess.writes || !real.writes, "\(shown)")
        #expect(!guess.effects.isEmpty || real.effects.isEmpty, "\(shown)")
    }

    private func noLiteralLeaks(_ text: RawSpan, _ shown: String) {
        let redacted = Redactor().redact(text)
        guard redacted != "\(Redactor.withheld)" else { return }
        let again = tokens(redacted)
        #expect(!again.contains { $0.0 == .string || $0.0 == .number }, "\(shown)\n\(redacted)")
    }
}
