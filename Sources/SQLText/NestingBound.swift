/// How deep the parse tree of a text can be at most.
///
/// libpg_query walks its trees by recursion and checks no stack, so one statement with a hundred thousand operators in a
/// row would end the process. What may be too deep is never given to it.
struct NestingBound {
    /// Measured: 900 levels of the costliest construct fit into a stack of 512 KiB, and a level costs at least two of
    /// the tokens counted here.
    static let limit = 900

    /// An open bracket or `CASE`, or the statement itself.
    private struct Level {
        var isCase = false
        /// Links of an operator chain; ends at `AND` and `OR`, whose chains the grammar flattens, at joins and commas.
        var links = 0
        /// The deepest bracket inside the current chain.
        var inner = 0
        /// The deepest chain of the current list item.
        var deepestChain = 0
        /// `JOIN` and `BETWEEN` nest across `AND`, but not across commas.
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

    private var outer: [Level] = []
    private var level = Level()

    /// Whether the trees of these tokens are surely within the limit.
    static func holds(_ tokens: [Token], in text: RawSpan) -> Bool {
        guard tokens.count > limit else { return true }
        var bound = NestingBound()
        for token in tokens {
            guard bound.add(token, text) else { return false }
        }
        while !bound.outer.isEmpty { bound.close() }
        bound.level.endItem()
        return bound.level.depth <= limit
    }

    /// Takes the next token; false once it is too deep.
    private mutating func add(_ token: Token, _ text: RawSpan) -> Bool {
        switch token.kind {
        case .comma: level.endItem()
        case .semicolon:
            level.endItem()
            // A new statement, unless inside a body in brackets.
            if outer.isEmpty {
                guard level.depth <= Self.limit else { return false }
                level = Level()
            }
        case .openParen, .openBracket: open(isCase: false)
        case .closeParen, .closeBracket: close()
        case .word: addWord(text, token)
        case .quotedIdentifier, .symbol, .cast: level.links &+= 1
        case .string, .number, .parameter, .dot, .unterminated: break
        }
        return outer.count <= Self.limit
    }

    private mutating func open(isCase: Bool) {
        level.links &+= 1
        outer.append(level)
        level = Level(isCase: isCase)
    }

    private mutating func close() {
        guard var parent = outer.popLast() else { return }
        level.endItem()
        parent.inner = max(parent.inner, level.depth)
        level = parent
    }

    private mutating func addWord(_ text: RawSpan, _ token: Token) {
        switch token.count {
        case 2 where text.isWord(token, "or"), 3 where text.isWord(token, "and"): level.endChain()
        case 3 where level.isCase && text.isWord(token, "end"): close()
        case 4 where text.isWord(token, "case"): open(isCase: true)
        case 4 where text.isWord(token, "join"):
            level.endChain()
            level.joins &+= 1
        case 7 where text.isWord(token, "between"): level.joins &+= 1
        case 5 where text.isWord(token, "union"), 6 where text.isWord(token, "except"),
            9 where text.isWord(token, "intersect"):
            level.sets &+= 1
        default: level.links &+= 1
        }
    }
}
