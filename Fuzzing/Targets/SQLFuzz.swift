import ByteKit
import SQLText

/// Tokens come in order and inside the text, and only blanks and comments lie between them; the normal form is its own
/// normal form; a text without quotes in its redacted form keeps none of its literals; effects lie inside statements.
enum SQLFuzz {
    private static let options: [LexerOptions] = [
        LexerOptions(), LexerOptions(standardConformingStrings: false), LexerOptions(dialect: .mysql),
        LexerOptions(dialect: .mysql, ansiQuotes: true), LexerOptions(dialect: .mysql, noBackslashEscapes: true),
        LexerOptions(dialect: .mysql, server: MySQLServerVersion(isMariaDB: true, number: 101_119), charset: .sjis),
        LexerOptions(dialect: .mysql, server: MySQLServerVersion(isMariaDB: false, number: 90_704), charset: .gb18030),
    ]

    static func run(_ input: [UInt8]) -> String? {
        for option in options { if let wrong = input.withSpan({ text($0, option) }) { return wrong } }
        for dialect in [SQLDialect.postgres, .mysql] {
            let cache = StatementCache(maxEntries: 16, dialect: dialect)
            let wrong: String? = input.withSpan { text in
                let facts = cache.entry(text: text, types: text.extracting(0..<0)).facts
                for found in facts.statements { if let wrong = statement(found, input.count) { return wrong } }
                return nil
            }
            if let wrong { return wrong }
        }
        return quickLook(input)
    }

    private static func text(_ text: RawSpan, _ options: LexerOptions) -> String? {
        var lexer = Lexer(options)
        var end = 0
        while let token = lexer.next(in: text) {
            if Int(token.start) < end || token.end <= token.start || Int(token.end) > text.byteCount {
                return "a token at \(token.start)..<\(token.end) behind \(end)"
            }
            end = Int(token.end)
        }
        let form = Fingerprint.normalized(text, options)
        let again = form.withSpan { Fingerprint.normalized($0, options) }
        if form != again { return "the normal form of a normal form differs" }
        if Fingerprint.of(text, options) != Fingerprint.of(text, options) { return "two fingerprints of one text" }
        return redacted(text, options)
    }

    /// What is shown holds no literal: read again, every token of it that could be one is a `?` or a parameter.
    private static func redacted(_ text: RawSpan, _ options: LexerOptions) -> String? {
        // Only what is a text stays as long as it was; the rest is replaced by U+FFFD when shown.
        var out: [UInt8] = []
        Redactor(options).write(text, into: &out)
        if out == Array(Redactor.withheld.description.utf8) { return nil }
        return out.withSpan { shown in
            var lexer = Lexer(options)
            while let token = lexer.next(in: shown) {
                switch token.kind {
                case .string: return "a string in a redacted text"
                case .number: return "a number in a redacted text"
                case .unterminated: return "an open quote in a redacted text"
                case .word, .quotedIdentifier, .parameter, .symbol, .cast, .comma, .dot, .semicolon, .openParen,
                    .closeParen, .openBracket, .closeBracket:
                    break
                }
            }
            return nil
        }
    }

    private static func statement(_ statement: Statement, _ count: Int) -> String? {
        if statement.range.lowerBound < 0 || statement.range.upperBound > count || statement.range.isEmpty {
            return "a statement at \(statement.range) of \(count)"
        }
        for effect in statement.effects {
            guard let range = named(effect) else { continue }
            if range.lowerBound < statement.range.lowerBound || range.upperBound > statement.range.upperBound
                || range.isEmpty
            {
                return "a name at \(range) of a statement at \(statement.range)"
            }
        }
        return nil
    }

    private static func named(_ effect: SessionEffect) -> Range<Int>? {
        switch effect {
        case .prepare(_, let range), .execute(_, let range), .deallocate(_, let range): range
        default: nil
        }
    }

    /// What a look says leaves no trace has none by its facts.
    private static func quickLook(_ input: [UInt8]) -> String? {
        input.withSpan { text in
            guard QuickLook.leavesNoTrace(text) else { return nil }
            let facts = StatementCache(maxEntries: 16).entry(text: text, types: text.extracting(0..<0)).facts
            guard !facts.flags.contains(.unparsed), facts.flags.contains(.hasEffects) else { return nil }
            return "QuickLook overlooks \(facts.statements.flatMap(\.effects))"
        }
    }
}
