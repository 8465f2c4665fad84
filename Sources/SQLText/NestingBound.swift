/// How deep the parse tree of a text can be at most.
///
/// libpg_query walks its trees by recursion and checks no stack, so one statement with a hundred thousand operators in a
/// row would end the process. What may be too deep is never given to it.
struct NestingBound {
    /// Measured: 900 levels of the costliest construct fit into a stack of 512 KiB, and a level costs at least two of
    /// the tokens counted here.
    static let limit = 900

    /// An open bracket, or the statement itself.
    private struct Level {
        /// Links of an operator chain; ends at `AND`, `OR` (whose chains the grammar flattens) and commas.
        var links = 0
        /// The deepest bracket inside the current chain.
        var inner = 0
        /// The deepest chain of the current list item.
        var deepestChain = 0
        /// `JOIN` and `CASE` nest across `AND`, but not across commas.
        var joins = 0
        /// The deepest list item.
        var deepestItem = 0
        /// `UNION` and its like nest across everything on a level.
        var sets = 0

        var depth: Int { deepestItem &+ sets }

        mutating func endChain() {
            deepestChain = max(deepestChain, links &+ inner)
            links = 0
            inner = 0
        }

        mutating func endItem() {
            endChain()
            deepestItem = max(deepestItem, deepestChain &+ joins)
            deepestChain = 0
            joins = 0
        }
    }

    /// Whether the trees of these tokens are surely within the limit.
    static func holds(_ tokens: [Token], in text: RawSpan) -> Bool {
        guard tokens.count > limit else { return true }
        var outer: [Level] = []
        var level = Level()
        for token in tokens {
            switch token.kind {
            case .comma: level.endItem()
            case .semicolon:
                level.endItem()
                // A new statement, unless inside a body in brackets.
                if outer.isEmpty {
                    guard level.depth <= limit else { return false }
                    level = Level()
                }
            case .openParen, .openBracket:
                level.links &+= 1
                outer.append(level)
                level = Level()
                if outer.count > limit { return false }
            case .closeParen, .closeBracket:
                guard var parent = outer.popLast() else { continue }
                level.endItem()
                parent.inner = max(parent.inner, level.depth)
                level = parent
            case .word: addWord(text, token, &level)
            case .quotedIdentifier, .symbol, .cast: level.links &+= 1
            case .string, .number, .parameter, .dot, .unterminated: break
            }
        }
        while true {
            level.endItem()
            guard level.depth <= limit else { return false }
            guard var parent = outer.popLast() else { return true }
            parent.inner = max(parent.inner, level.depth)
            level = parent
        }
    }

    private static func addWord(_ text: RawSpan, _ token: Token, _ level: inout Level) {
        switch token.count {
        case 2 where text.isWord(token, "or"), 3 where text.isWord(token, "and"): level.endChain()
        case 4 where text.isWord(token, "join") || text.isWord(token, "case"): level.joins &+= 1
        case 5 where text.isWord(token, "union"), 6 where text.isWord(token, "except"),
            9 where text.isWord(token, "intersect"):
            level.sets &+= 1
        default: level.links &+= 1
        }
    }
}
