internal import ByteKit

/// Whose SQL a text is written in.
public enum SQLDialect: UInt8, Sendable {
    case postgres, mysql
}

/// What a session has set that changes where a token ends.
public struct LexerOptions: Sendable, Equatable {
    /// The grammar of quotes, comments and numbers.
    public var dialect: SQLDialect
    /// PostgreSQL `standard_conforming_strings`: when off, a backslash escapes in plain `'…'` too.
    public var standardConformingStrings: Bool
    /// MySQL `ANSI_QUOTES`: `"…"` is an identifier, not a string.
    public var ansiQuotes: Bool
    /// MySQL `NO_BACKSLASH_ESCAPES`: a backslash in a string is a plain character.
    public var noBackslashEscapes: Bool

    /// The settings a new session of either server has.
    public init(
        dialect: SQLDialect = .postgres, standardConformingStrings: Bool = true, ansiQuotes: Bool = false,
        noBackslashEscapes: Bool = false
    ) {
        self.dialect = dialect
        self.standardConformingStrings = standardConformingStrings
        self.ansiQuotes = ansiQuotes
        self.noBackslashEscapes = noBackslashEscapes
    }

    /// The settings that make a difference to `text`, in one byte; 0 if it reads as in a new session.
    func bits(for text: RawSpan) -> UInt8 {
        var bits: UInt8 = 0
        let count = text.byteCount
        let backslashes = dialect == .postgres ? !standardConformingStrings : noBackslashEscapes
        if backslashes, text.firstIndex(of: UInt8(ascii: "\\"), from: 0, to: count) != nil { bits |= 1 }
        if ansiQuotes, text.firstIndex(of: UInt8(ascii: "\""), from: 0, to: count) != nil { bits |= 2 }
        return bits
    }
}
