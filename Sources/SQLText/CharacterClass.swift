/// What a byte may begin, by one load from a constant table; no lazy global, so no `swift_once` in the lexer's loop.
enum CharacterClass {
    static let blank = UInt8(ascii: "w")
    static let letter = UInt8(ascii: "a")
    static let digit = UInt8(ascii: "0")
    static let op = UInt8(ascii: "o")
    static let singleQuote = UInt8(ascii: "'")
    static let doubleQuote = UInt8(ascii: "q")
    static let dollar = UInt8(ascii: "$")
    static let dot = UInt8(ascii: ".")
    static let comma = UInt8(ascii: ",")
    static let colon = UInt8(ascii: ":")
    static let semicolon = UInt8(ascii: ";")
    static let openParen = UInt8(ascii: "(")
    static let closeParen = UInt8(ascii: ")")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let backtick = UInt8(ascii: "`")

    /// Sixteen bytes a row; bytes from 0x80 are letters, as both servers have it.
    private static let table: StaticString = """
        cccccccccwwwwwcc\
        cccccccccccccccc\
        woqo$oo'()oo,o.o\
        0000000000:;oooo\
        oaaaaaaaaaaaaaaa\
        aaaaaaaaaaa[c]oa\
        `aaaaaaaaaaaaaaa\
        aaaaaaaaaaacococ\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaa
        """

    /// The class of a byte.
    @inline(__always)
    static func of(_ byte: UInt8) -> UInt8 {
        // 256 entries, and a byte is at most 255.
        unsafe table.utf8Start[Int(byte)]
    }

    /// Whether a byte may stand inside an unquoted identifier.
    @inline(__always)
    static func continuesWord(_ byte: UInt8) -> Bool {
        let kind = of(byte)
        return kind == letter || kind == digit || kind == dollar
    }

    /// A byte in lower case, if it is an ASCII letter.
    @inline(__always)
    static func lowered(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }
}
