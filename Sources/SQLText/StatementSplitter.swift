/// Cuts tokens into statements at semicolons, as psql does: not inside brackets, and not inside the body of a
/// `CREATE FUNCTION … BEGIN ATOMIC … END`.
struct StatementSplitter {
    private let tokens: [Token]
    private var next = 0

    init(_ tokens: [Token]) {
        self.tokens = tokens
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
        if blocks == 0 {
            if text.isWord(token, "begin"), next &+ 1 < tokens.count, text.isWord(tokens[next &+ 1], "atomic") {
                blocks = 1
            }
        } else if text.isWord(token, "begin") || text.isWord(token, "case") {
            blocks &+= 1
        } else if text.isWord(token, "end") {
            blocks &-= 1
        }
    }
}
