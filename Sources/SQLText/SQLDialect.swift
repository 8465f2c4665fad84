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
}
