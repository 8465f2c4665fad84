internal import ByteKit

/// Writes the normal form of a text, token by token: literals and parameters become `?`, lists of them one `?`, equal
/// rows of `VALUES` one row, words lower case, one blank between tokens, no comments.
///
/// Normalizing a normal form changes nothing. Nothing is parsed, so any text has a normal form, broken ones too.
struct Normalizer {
    /// What has been written.
    private(set) var output: [UInt8] = []

    private let dialect: SQLDialect
    private var groups: [Group] = []
    private var last = Piece.none
    private var beforeLast = Piece.none
    /// Where the last piece starts, with the blank before it.
    private var lastStart = 0
    /// Depth of brackets not entered in `groups`, once there are too many.
    private var overflow = 0
    private var rows = Rows()
    /// A semicolon that is written only if something follows.
    private var pendingSemicolon = false
    /// Where a MySQL word ended behind which hints may stand.
    private var hintsFrom: Int?

    /// Nesting beyond which lists are no longer collapsed.
    private static let deepest = 200

    /// What the last piece written was, as far as spacing and collapsing need to know.
    private enum Piece {
        case none, word, callable, inKeyword, valuesKeyword, literal, sign, symbol, at, comma, dot, cast, open, close
        case other
    }

    /// An open `(` or `[`.
    private struct Group {
        /// Where its bracket stands in the output.
        var start: Int
        /// Its lists of literals shrink to one.
        var collapsible: Bool
        /// So far only literals, and groups of them, with commas between.
        var literalsOnly = true
        var expectsItem = true
        var items = 0
        /// Where the first item ends, when that is a group.
        var firstGroupEnd = 0
        var rows = Rows()
    }

    /// The rows after `VALUES`, on one level.
    private struct Rows {
        var active = false
        var first = 0..<0
        var previous = 0..<0
    }

    init(dialect: SQLDialect) {
        self.dialect = dialect
    }

    /// Forgets what was written and keeps the memory.
    mutating func reset() {
        output.removeAll(keepingCapacity: output.capacity < 1 << 20)
        groups.removeAll(keepingCapacity: true)
        last = .none
        beforeLast = .none
        lastStart = 0
        overflow = 0
        rows = Rows()
        pendingSemicolon = false
        hintsFrom = nil
    }

    /// Takes the next token of `text`.
    mutating func add(_ token: Token, in text: RawSpan) {
        if token.kind == .semicolon {
            pendingSemicolon = !output.isEmpty
            hintsFrom = nil
            return
        }
        if pendingSemicolon { writeSemicolon() }
        if let from = hintsFrom {
            hintsFrom = nil
            hints(text, from..<Int(token.start))
        }
        switch token.kind {
        case .word: addWord(token, text)
        case .quotedIdentifier:
            begin(.callable)
            append(text, token.range)
        case .string, .number, .parameter, .unterminated: addLiteral()
        case .symbol: addSymbol(token, text)
        case .cast:
            item(false)
            // `a::int`, but `: ::` must not become `:::`.
            if last == .symbol || last == .at { space(.cast) } else { mark(.cast) }
            output.append(UInt8(ascii: ":"))
            output.append(UInt8(ascii: ":"))
        case .comma:
            comma()
            mark(.comma)
            output.append(UInt8(ascii: ","))
        case .dot:
            item(false)
            mark(.dot)
            output.append(UInt8(ascii: "."))
        case .semicolon: break
        case .openParen: open(UInt8(ascii: "("))
        case .openBracket: open(UInt8(ascii: "["))
        case .closeParen: close(UInt8(ascii: ")"))
        case .closeBracket: close(UInt8(ascii: "]"))
        }
    }

    private mutating func writeSemicolon() {
        pendingSemicolon = false
        item(false)
        endRows()
        mark(.other)
        output.append(UInt8(ascii: ";"))
    }

    // MARK: Words, symbols, literals

    private mutating func addWord(_ token: Token, _ text: RawSpan) {
        let range = token.range
        if inCollapsibleGroup, Self.isConstant(text, range) {
            // A constant among the values of a list is a value; elsewhere (`IS NULL`) it is part of the statement.
            item(true)
            space(.word)
        } else {
            begin(.word)
        }
        // `. 5a` of MySQL is two tokens, `.5a` a number.
        if beforeLast == .dot, CharacterClass.of(text.u8(at: range.lowerBound)) == CharacterClass.digit {
            output.append(UInt8(ascii: " "))
        }
        if text.isWord(range, "in") {
            last = .inKeyword
        } else if text.isWord(range, "values") || text.isWord(range, "value") && dialect == .mysql {
            last = .valuesKeyword
            let fresh = Rows(active: true)
            if groups.isEmpty { rows = fresh } else { groups[groups.count &- 1].rows = fresh }
        } else if !Keywords.standsOff(text, range) {
            last = .callable
        }
        if dialect == .mysql, Keywords.takesHints(text, range) { hintsFrom = range.upperBound }
        if dialect == .postgres || Keywords.isReservedInMySQL(text, range) {
            for at in range { output.append(CharacterClass.lowered(text.u8(at: at))) }
        } else {
            append(text, range)
        }
    }

    /// `/*+ … */` behind the verb: which plan a statement gets is part of what it is. Elsewhere it is a comment.
    private mutating func hints(_ text: RawSpan, _ range: Range<Int>) {
        guard range.count >= 5, range.upperBound <= text.byteCount else { return }
        var at = range.lowerBound
        while at < range.upperBound, CharacterClass.of(text.u8(at: at)) == CharacterClass.blank { at &+= 1 }
        guard range.upperBound &- at >= 5, text.extracting(at..<at &+ 3).equals("/*+") else { return }
        let body = at &+ 3
        var end = body
        while end &+ 1 < range.upperBound, text.u8(at: end) != 0x2A || text.u8(at: end &+ 1) != 0x2F { end &+= 1 }
        guard end &+ 1 < range.upperBound else { return }
        begin(.word)
        for byte in "/*+".utf8 { output.append(byte) }
        let inner = text.extracting(body..<end)
        var lexer = Lexer(LexerOptions(dialect: .mysql))
        while let token = lexer.next(in: inner) {
            output.append(UInt8(ascii: " "))
            if token.isLiteral || token.kind == .unterminated {
                output.append(UInt8(ascii: "?"))
            } else {
                for at in token.range { output.append(CharacterClass.lowered(inner.u8(at: at))) }
            }
        }
        for byte in " */".utf8 { output.append(byte) }
    }

    private mutating func addLiteral() {
        // A sign that can only belong to the value goes with it: `= -5` is `= ?`, `between -5` is `between ?`.
        if last == .sign, beforeLast == .symbol || beforeLast == .open || beforeLast == .comma || beforeLast == .word {
            output.removeLast(output.count &- lastStart)
            last = beforeLast
            beforeLast = .none
        }
        item(true)
        endRows()
        space(.literal)
        output.append(UInt8(ascii: "?"))
    }

    private mutating func addSymbol(_ token: Token, _ text: RawSpan) {
        let byte = text.u8(at: Int(token.start))
        if token.count == 1 {
            // The `?` of a text that already is in normal form, or of a driver; also PostgreSQL's operator, which
            // makes no difference here.
            if byte == UInt8(ascii: "?") { return addLiteral() }
            if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") {
                // Not an item yet: it may go with the literal behind it.
                space(.sign)
                output.append(byte)
                return
            }
        }
        begin(dialect == .mysql && byte == UInt8(ascii: "@") ? .at : .symbol)
        if dialect == .mysql, text.extracting(token.range).equals("!=") {
            // One operator in two spellings.
            output.append(UInt8(ascii: "<"))
            output.append(UInt8(ascii: ">"))
            return
        }
        append(text, token.range)
    }

    private static func isConstant(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        text.isWord(range, "null") || text.isWord(range, "true") || text.isWord(range, "false")
            || text.isWord(range, "default")
    }

    // MARK: Lists and rows

    private var inCollapsibleGroup: Bool { overflow == 0 && groups.last?.collapsible == true }

    /// Something stands in the innermost group: a literal, or what makes it more than a list of literals.
    private mutating func item(_ isLiteral: Bool) {
        guard overflow == 0, !groups.isEmpty else { return }
        let top = groups.count &- 1
        if isLiteral, groups[top].expectsItem, last != .sign {
            groups[top].expectsItem = false
            groups[top].items &+= 1
        } else {
            groups[top].literalsOnly = false
        }
    }

    private mutating func comma() {
        guard overflow == 0, !groups.isEmpty else { return }
        let top = groups.count &- 1
        if groups[top].expectsItem { groups[top].literalsOnly = false }
        groups[top].expectsItem = true
    }

    private mutating func open(_ bracket: UInt8) {
        // MySQL has no arrays, and behind half a character of GBK `[` would become its other half.
        if dialect == .mysql, bracket == UInt8(ascii: "["), last == .callable { last = .word }
        guard overflow == 0, groups.count < Self.deepest else {
            overflow &+= 1
            space(.open)
            output.append(bracket)
            return
        }
        let isRow = currentRows.active && (last == .valuesKeyword || last == .comma)
        if !isRow { endRows() }
        var collapsible = bracket == UInt8(ascii: "[") || last == .inKeyword || isRow
        if !collapsible, let outer = groups.last, outer.collapsible, outer.literalsOnly, outer.expectsItem {
            collapsible = last == .open || last == .comma
        }
        space(.open)
        groups.append(Group(start: output.count, collapsible: collapsible))
        output.append(bracket)
    }

    private mutating func close(_ bracket: UInt8) {
        // As with `[`: behind half a character it would be the other half.
        if dialect == .mysql, bracket == UInt8(ascii: "]"), last == .callable || last == .word {
            output.append(UInt8(ascii: " "))
        }
        if overflow > 0 {
            overflow &-= 1
        } else if let group = groups.popLast() {
            let isList = group.literalsOnly && !group.expectsItem && last != .sign
            if isList, group.collapsible, group.start < output.count {
                let keep = group.firstGroupEnd > 0 ? group.firstGroupEnd : group.start &+ 1
                output.removeLast(output.count &- keep)
                if group.firstGroupEnd == 0 { output.append(UInt8(ascii: "?")) }
            }
            output.append(bracket)
            mark(.close)
            closed(group, isList: isList)
            return
        }
        mark(.close)
        output.append(bracket)
    }

    /// Tells the level outside about the group that just ended.
    private mutating func closed(_ group: Group, isList: Bool) {
        let range = group.start..<output.count
        if currentRows.active { row(range) }
        guard !groups.isEmpty else { return }
        let top = groups.count &- 1
        if isList, group.collapsible, groups[top].expectsItem {
            if groups[top].items == 0 { groups[top].firstGroupEnd = output.count }
            groups[top].expectsItem = false
            groups[top].items &+= 1
        } else {
            groups[top].literalsOnly = false
        }
    }

    private var currentRows: Rows {
        groups.last?.rows ?? rows
    }

    private mutating func endRows() {
        if groups.isEmpty { rows.active = false } else { groups[groups.count &- 1].rows.active = false }
    }

    /// A row ended: the same as the first or the one before it adds nothing.
    private mutating func row(_ range: Range<Int>) {
        var state = currentRows
        if state.first.isEmpty {
            state.first = range
            state.previous = range
        } else if output[range] == output[state.first] || output[range] == output[state.previous] {
            output.removeLast(output.count &- state.previous.upperBound)
        } else {
            state.previous = range
        }
        if groups.isEmpty { rows = state } else { groups[groups.count &- 1].rows = state }
    }

    // MARK: Writing

    /// Something that is no literal.
    private mutating func begin(_ piece: Piece) {
        item(false)
        endRows()
        space(piece)
    }

    private mutating func mark(_ piece: Piece) {
        lastStart = output.count
        beforeLast = last
        last = piece
    }

    /// Writes the blank that belongs before `piece`.
    private mutating func space(_ piece: Piece) {
        let start = output.count
        switch last {
        case .at where piece == .at || piece == .symbol: output.append(UInt8(ascii: " "))
        case .cast where piece == .symbol: output.append(UInt8(ascii: " "))
        case .none, .open, .dot, .cast, .at: break
        case .callable where piece == .open: break
        case .word, .callable, .inKeyword, .valuesKeyword, .literal, .sign, .symbol, .comma, .close, .other:
            output.append(UInt8(ascii: " "))
        }
        beforeLast = last
        last = piece
        lastStart = start
    }

    private mutating func append(_ text: RawSpan, _ range: Range<Int>) {
        guard range.upperBound <= text.byteCount else { return }
        unsafe text.extracting(range).withUnsafeBytes { unsafe output.append(contentsOf: $0) }
    }
}
