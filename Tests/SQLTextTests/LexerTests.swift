import Testing

@testable import SQLText

@Suite struct LexerTests {
    @Test func quotesAndNumbersOfPostgres() {
        let cases: [(String, [TokenKind])] = [
            ("", []),
            ("   -- only a comment", []),
            ("'a''b'", [.string]),
            ("'a\\'", [.string]),
            ("E'a\\'b'", [.string]),
            ("e'a\\\\'", [.string]),
            ("U&'d\\0061t'", [.string]),
            ("U&\"d\\0061t\"", [.quotedIdentifier]),
            ("B'01' X'1F' n'x'", [.string, .string, .string]),
            ("b'''' x'1F'''", [.string, .string, .string, .string]),
            ("$1into", [.parameter, .word]),
            ("$$a'b$$", [.string]),
            ("$tag$ $$ $tag $tag$", [.string]),
            ("$1 $22", [.parameter, .parameter]),
            ("a$b$c", [.word]),
            ("'a'\n'b'", [.string]),
            ("'a' 'b'", [.string, .string]),
            ("E'a'\n'\\''", [.string]),
            ("'a' -- c\n 'b'", [.string]),
            ("1 1.5 .5 1e10 1e-5 1.e3 0x1F 1_000", Array(repeating: .number, count: 8)),
            ("1..2", [.number, .dot, .number]),
            ("\"a\"\"b\"", [.quotedIdentifier]),
            ("/* a /* b */ c */ x", [.word]),
            ("a=-1", [.word, .symbol, .symbol, .number]),
            ("a<-1", [.word, .symbol, .symbol, .number]),
            ("a@-1", [.word, .symbol, .number]),
            ("a--b\nc", [.word, .word]),
            ("a*/*c*/b", [.word, .symbol, .word]),
            ("x::int[1]", [.word, .cast, .word, .openBracket, .number, .closeBracket]),
            ("a ? b ?| c", [.word, .symbol, .word, .symbol, .word]),
            ("é", [.word]),
        ]
        for (text, kinds) in cases {
            #expect(tokens(text).map(\.0) == kinds, "\(text)")
        }
    }

    @Test func whatHasNoEnd() {
        for text in ["'a", "E'a\\'", "\"a", "$$a", "$x$ $$", "/* a", "/* /* */", "'a''", "U&'x", "'a'\n'b"] {
            #expect(tokens(text).last?.0 == .unterminated, "\(text)")
        }
    }

    @Test func nonConformingStrings() {
        let options = LexerOptions(standardConformingStrings: false)
        #expect(tokens("'a\\'z' c", options).map(\.0) == [.string, .word])
        #expect(tokens("'a\\'z' c").map(\.0) == [.string, .word, .unterminated])
    }

    @Test func mysql() {
        let mysql = LexerOptions(dialect: .mysql)
        let cases: [(String, [TokenKind])] = [
            ("\"it\\\"s\"", [.string]),
            ("`a``b`", [.quotedIdentifier]),
            ("a # c\nb", [.word, .word]),
            ("1--1", [.number, .symbol, .symbol, .number]),
            ("1-- 1", [.number]),
            ("? ?", [.parameter, .parameter]),
            ("/* a /* b */ c", [.word]),
            ("/*!50000 a */ b", [.word, .word]),
            ("/*M!100100 a*/", [.word]),
            ("1a 1e5 0x1F 0b01 1e5x 12", [.word, .number, .number, .number, .word, .number]),
            ("@@a @b", [.symbol, .word, .symbol, .word]),
            ("a<=>b", [.word, .symbol, .word]),
            ("'a' 'b'", [.string, .string]),
            ("a$b $c", [.word, .word]),
            ("`a#b` `it's`", [.quotedIdentifier, .quotedIdentifier]),
        ]
        for (text, kinds) in cases {
            #expect(tokens(text, mysql).map(\.0) == kinds, "\(text)")
        }
        #expect(tokens("\"a\"", LexerOptions(dialect: .mysql, ansiQuotes: true)).map(\.0) == [.quotedIdentifier])
        #expect(
            tokens("'a\\' b", LexerOptions(dialect: .mysql, noBackslashEscapes: true)).map(\.0) == [.string, .word])
    }
}
