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
    /// Which server reads the text. Without it, every MySQL `/*! … */` counts as what does more harm, code or comment.
    public var server: MySQLServerVersion?
    /// MySQL `character_set_client`, where it makes a difference.
    public var charset: MultibyteCharset?
    /// Without `server`: the body of a MySQL `/*! … */` is code; off, it is the comment that others see.
    var executableComments = true

    /// The settings a new session of either server has.
    public init(
        dialect: SQLDialect = .postgres, standardConformingStrings: Bool = true, ansiQuotes: Bool = false,
        noBackslashEscapes: Bool = false, server: MySQLServerVersion? = nil, charset: MultibyteCharset? = nil
    ) {
        self.dialect = dialect
        self.standardConformingStrings = standardConformingStrings
        self.ansiQuotes = ansiQuotes
        self.noBackslashEscapes = noBackslashEscapes
        self.server = server
        self.charset = charset
    }

    /// The settings that make a difference to `text`, in one number; 0 if it reads as in a new session.
    func bits(for text: RawSpan) -> UInt32 {
        var bits: UInt32 = 0
        let count = text.byteCount
        let backslashes = dialect == .postgres ? !standardConformingStrings : noBackslashEscapes
        if backslashes, text.firstIndex(of: UInt8(ascii: "\\"), from: 0, to: count) != nil { bits |= 1 }
        if ansiQuotes, text.firstIndex(of: UInt8(ascii: "\""), from: 0, to: count) != nil { bits |= 2 }
        if let charset, Self.holdsHighByte(text) { bits |= UInt32(charset.rawValue) << 2 }
        if let server, Self.holdsVersionComment(text) { bits |= server.bits << 8 }
        return bits
    }

    private static func holdsHighByte(_ text: RawSpan) -> Bool {
        for at in 0..<text.byteCount where text.u8(at: at) >= 0x80 { return true }
        return false
    }

    /// Whether there is `*!` or `M!` anywhere.
    private static func holdsVersionComment(_ text: RawSpan) -> Bool {
        var from = 0
        while let at = text.firstIndex(of: UInt8(ascii: "!"), from: from, to: text.byteCount) {
            if at > 0, text.u8(at: at &- 1) == UInt8(ascii: "*") || text.u8(at: at &- 1) == UInt8(ascii: "M") {
                return true
            }
            from = at &+ 1
        }
        return false
    }
}
