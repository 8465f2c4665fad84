/// What a token is.
public enum TokenKind: UInt8, Sendable {
    /// A keyword or an unquoted identifier.
    case word
    /// `"name"`, `U&"name"`, or a MySQL `` `name` ``, with its quotes.
    case quotedIdentifier
    /// A string in any quoting: `'…'`, `E'…'`, `U&'…'`, `N'…'`, `B'…'`, `X'…'`, `$tag$…$tag$`, MySQL `"…"`.
    case string
    /// A number, with its exponent and whatever letters are glued to it.
    case number
    /// `$1`, or `?` in MySQL.
    case parameter
    /// One or more operator characters, or a byte that belongs to nothing else.
    case symbol
    /// `::`
    case cast
    case comma, dot, semicolon, openParen, closeParen, openBracket, closeBracket
    /// A quote or comment that has no end; it runs to the end of the text.
    case unterminated
}

/// One token: its kind and where its bytes are. Texts are at most 2 GiB, so 32 bits hold an offset.
public struct Token: Sendable, Equatable {
    /// What it is.
    public let kind: TokenKind
    /// The offset of its first byte.
    public let start: UInt32
    /// The offset after its last byte.
    public let end: UInt32

    init(_ kind: TokenKind, _ start: Int, _ end: Int) {
        self.kind = kind
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    /// The bytes it covers.
    public var range: Range<Int> { Int(start)..<Int(max(start, end)) }

    /// How many bytes it covers.
    public var count: Int { Int(end &- start) }

    /// A value a statement carries: what a fingerprint and a redacted text hide.
    var isLiteral: Bool {
        switch kind {
        case .string, .number, .parameter: true
        case .word, .quotedIdentifier, .symbol, .cast, .comma, .dot, .semicolon, .openParen, .closeParen,
            .openBracket, .closeBracket, .unterminated:
            false
        }
    }

    /// Something a name can be written as.
    var isName: Bool { kind == .word || kind == .quotedIdentifier }
}
