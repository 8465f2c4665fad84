internal import ByteKit

/// Cuts a statement text into tokens, in one pass and without allocating; white space and comments are skipped.
///
/// It accepts every sequence of bytes: what belongs to no token becomes a `.symbol` of one byte, and a quote or comment
/// without an end becomes `.unterminated`. The rules are those of the servers' own scanners (`scan.l`, `sql_lex.cc`).
///
/// The text is handed to each call instead of being held, so that a lexer can be stored anywhere.
public struct Lexer: Sendable {
    /// Where the next token is looked for.
    public private(set) var offset = 0
    /// What the session has set.
    public let options: LexerOptions
    /// Inside a MySQL `/*! … */`, whose body is code.
    private(set) var inExecutableComment = false
    /// A MySQL `/*! … */` was met.
    private(set) var sawExecutableComment = false
    /// Something was met that different servers read differently, or whose meaning hangs on a literal: digits with
    /// letters glued to them, `U&"…" UESCAPE '!'`, a quote without an end, `/*! … */`.
    var isAmbiguous = false

    /// A lexer at the start of a text.
    public init(_ options: LexerOptions = LexerOptions()) {
        self.options = options
    }

    /// The next token of `text`, which must be the same text on each call; nil at its end.
    public mutating func next(in text: RawSpan) -> Token? {
        let start = skipBlank(text)
        if start < 0 {
            let opened = offset
            offset = text.byteCount
            isAmbiguous = true
            return Token(.unterminated, opened, offset)
        }
        guard start < text.byteCount else { return nil }
        let byte = text.u8(at: start)
        switch CharacterClass.of(byte) {
        case CharacterClass.letter: return word(text, start)
        case CharacterClass.digit: return number(text, start)
        case CharacterClass.op: return op(text, start, byte)
        case CharacterClass.singleQuote: return quoted(text, start, start &+ 1, mode: plainMode, kind: .string)
        case CharacterClass.comma: return finish(.comma, start, start &+ 1)
        case CharacterClass.openParen: return finish(.openParen, start, start &+ 1)
        case CharacterClass.closeParen: return finish(.closeParen, start, start &+ 1)
        case CharacterClass.doubleQuote:
            if options.dialect == .mysql, !options.ansiQuotes {
                return quoted(text, start, start &+ 1, mode: plainMode, kind: .string, quote: byte)
            }
            return quoted(text, start, start &+ 1, mode: .doubled, kind: .quotedIdentifier, quote: byte)
        case CharacterClass.dot:
            if start &+ 1 < text.byteCount, CharacterClass.of(text.u8(at: start &+ 1)) == CharacterClass.digit {
                return number(text, start)
            }
            return finish(.dot, start, start &+ 1)
        case CharacterClass.dollar: return dollar(text, start)
        case CharacterClass.semicolon: return finish(.semicolon, start, start &+ 1)
        case CharacterClass.openBracket: return finish(.openBracket, start, start &+ 1)
        case CharacterClass.closeBracket: return finish(.closeBracket, start, start &+ 1)
        case CharacterClass.colon:
            let second = start &+ 1 < text.byteCount ? text.u8(at: start &+ 1) : 0
            if second == UInt8(ascii: ":") { return finish(.cast, start, start &+ 2) }
            return finish(.symbol, start, second == UInt8(ascii: "=") ? start &+ 2 : start &+ 1)
        case CharacterClass.backtick:
            if options.dialect == .mysql {
                return quoted(text, start, start &+ 1, mode: .doubled, kind: .quotedIdentifier, quote: byte)
            }
            return op(text, start, byte)
        default: return finish(.symbol, start, start &+ 1)
        }
    }

    @inline(__always)
    mutating func finish(_ kind: TokenKind, _ start: Int, _ end: Int) -> Token {
        offset = end
        return Token(kind, start, end)
    }

    // MARK: Blank space and comments

    /// The offset of the next byte that is not blank or comment; -1 for a comment without an end, `offset` then being
    /// where it opened.
    private mutating func skipBlank(_ text: RawSpan) -> Int {
        let count = text.byteCount
        var at = offset
        while at < count {
            let byte = text.u8(at: at)
            if CharacterClass.of(byte) == CharacterClass.blank {
                at &+= 1
            } else if byte == UInt8(ascii: "-"), lineCommentStarts(text, at) {
                at = endOfLine(text, at &+ 2)
            } else if byte == UInt8(ascii: "#"), options.dialect == .mysql {
                at = endOfLine(text, at &+ 1)
            } else if byte == UInt8(ascii: "/"), at &+ 1 < count, text.u8(at: at &+ 1) == UInt8(ascii: "*") {
                let reading = versionComment(text, at)
                if case .code(let body) = reading {
                    inExecutableComment = true
                    at = body
                    continue
                }
                guard let end = endOfComment(text, at &+ 2, nests: reading == .skipped) else {
                    offset = at
                    return -1
                }
                at = end
            } else if inExecutableComment, byte == UInt8(ascii: "*"), at &+ 1 < count,
                text.u8(at: at &+ 1) == UInt8(ascii: "/")
            {
                inExecutableComment = false
                at &+= 2
            } else {
                break
            }
        }
        return at
    }

    /// `--`; MySQL wants white space, a control character or the end after it, since `1--1` is 2 there.
    private func lineCommentStarts(_ text: RawSpan, _ at: Int) -> Bool {
        guard at &+ 1 < text.byteCount, text.u8(at: at &+ 1) == UInt8(ascii: "-") else { return false }
        return options.dialect == .postgres || at &+ 2 >= text.byteCount || text.u8(at: at &+ 2) <= 0x20
    }

    private func endOfLine(_ text: RawSpan, _ from: Int) -> Int {
        let count = text.byteCount
        var end = text.firstIndex(of: 0x0A, from: from, to: count) ?? count
        // PostgreSQL ends a comment at a carriage return too.
        if options.dialect == .postgres { end = text.firstIndex(of: 0x0D, from: from, to: end) ?? end }
        return min(end &+ 1, count)
    }

    private enum CommentReading: Equatable {
        /// A comment like any other.
        case plain
        /// A version comment the server does not run; a comment inside of it does not end it.
        case skipped
        /// A version comment whose code begins there.
        case code(Int)
    }

    /// How `/*! …` or `/*M! …` is read. A version has five or six digits; fewer are code. Without knowing the server,
    /// `Understanding` looks at both readings.
    private mutating func versionComment(_ text: RawSpan, _ open: Int) -> CommentReading {
        guard options.dialect == .mysql else { return .plain }
        let count = text.byteCount
        var at = open &+ 2
        let mariadbOnly = at < count && text.u8(at: at) == UInt8(ascii: "M")
        if mariadbOnly { at &+= 1 }
        guard at < count, text.u8(at: at) == UInt8(ascii: "!") else { return .plain }
        at &+= 1
        var end = at
        var version: UInt32 = 0
        while end < count, end &- at < 6, case let digit = text.u8(at: end) &- UInt8(ascii: "0"), digit < 10 {
            version = version &* 10 &+ UInt32(digit)
            end &+= 1
        }
        let body = end &- at >= 5 ? end : at
        // MySQL before 8.0 takes five digits only.
        let isOldAndLong = end &- at == 6 && options.server.map { !$0.isMariaDB && $0.number < 80_000 } ?? false
        guard let server = options.server, !isOldAndLong else {
            sawExecutableComment = true
            isAmbiguous = true
            return options.executableComments ? .code(body) : .skipped
        }
        return server.runs(body == end ? version : nil, mariadbOnly: mariadbOnly) ? .code(body) : .skipped
    }

    /// The offset after the `*/` that closes a comment; PostgreSQL's comments nest, and MySQL's skipped ones once.
    private func endOfComment(_ text: RawSpan, _ from: Int, nests: Bool) -> Int? {
        let count = text.byteCount
        let deepest = options.dialect == .postgres ? Int.max : nests ? 2 : 1
        var depth = 1
        var at = from
        while at &+ 1 < count {
            let byte = text.u8(at: at)
            let second = text.u8(at: at &+ 1)
            if byte == UInt8(ascii: "*"), second == UInt8(ascii: "/") {
                depth &-= 1
                at &+= 2
                if depth == 0 { return at }
            } else if byte == UInt8(ascii: "/"), second == UInt8(ascii: "*"), depth < deepest {
                depth &+= 1
                at &+= 2
            } else {
                at &+= 1
            }
        }
        return nil
    }
}
