/// Cuts tokens into statements at semicolons, as psql does: not inside brackets, and not inside the body of a
/// `CREATE FUNCTION … BEGIN ATOMIC … END`, or of a MySQL routine.
struct StatementSplitter {
    private let tokens: [Token]
    private let dialect: SQLDialect
    private var next = 0

    init(_ tokens: [Token], dialect: SQLDialect = .postgres) {
        self.tokens = tokens
        self.dialect = dialect
    }

    /// The tokens of the next statement, without its semicolon; empty statements are skipped. nil at the end.
    mutating func statement(in text: RawSpan) -> Range<Int>? {
        while next < tokens.count, tokens[next].kind == .semicolon { next &+= 1 }
        guard next < tokens.count else { return nil }
        let first = next
        var brackets = 0
        var blocks = 0
        let creates = text.isWord(tokens[first], "create")
        while next < tokens.count {
            let token = tokens[next]
            switch token.kind {
            case .openParen: brackets &+= 1
            case .closeParen: brackets = max(brackets &- 1, 0)
            case .semicolon where brackets == 0 && blocks == 0: return first..<next
            case .word where creates && brackets == 0: countBlock(token, text, &blocks)
            case .word, .quotedIdentifier, .string, .number, .parameter, .symbol, .cast, .comma, .dot, .semicolon,
                .openBracket, .closeBracket, .unterminated:
                break
            }
            next &+= 1
        }
        return first..<next
    }

    private func countBlock(_ token: Token, _ text: RawSpan, _ blocks: inout Int) {
        if text.isWord(token, "begin") {
            if blocks > 0 || dialect == .mysql || follows(text, "atomic") { blocks &+= 1 }
        } else if blocks == 0 {
            return
        } else if text.isWord(token, "case") {
            // `END CASE` closes one and opens none.
            if next == 0 || !text.isWord(tokens[next &- 1], "end") { blocks &+= 1 }
        } else if text.isWord(token, "end") {
            let closesOther =
                follows(text, "if") || follows(text, "loop") || follows(text, "while") || follows(text, "repeat")
            if !closesOther { blocks &-= 1 }
        }
    }

    private func follows(_ text: RawSpan, _ word: StaticString) -> Bool {
        next &+ 1 < tokens.count && text.isWord(tokens[next &+ 1], word)
    }
}
