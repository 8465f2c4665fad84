internal import ByteKit

extension Lexer {
    /// What keeps a quote from ending a quoted text: nothing (`B'…'`, `X'…'`), another quote, or a backslash too.
    enum QuoteMode {
        case plain, doubled, backslash
    }

    /// How a plain `'…'` is read in this session.
    var plainMode: QuoteMode {
        switch options.dialect {
        case .postgres: options.standardConformingStrings ? .doubled : .backslash
        case .mysql: options.noBackslashEscapes ? .doubled : .backslash
        }
    }

    // MARK: Words

    mutating func word(_ text: RawSpan, _ start: Int) -> Token {
        if let token = prefixedQuote(text, start) { return token }
        if text.u8(at: start) == UInt8(ascii: "_"), let token = introduced(text, start) { return token }
        // The first character may be one of several bytes.
        let second = start &+ (options.charset?.length(text, start) ?? 1)
        return finish(.word, start, endOfWord(text, second))
    }

    /// MySQL's `_utf8mb4'…'`: the literal, with the character set it is in.
    private mutating func introduced(_ text: RawSpan, _ start: Int) -> Token? {
        guard options.dialect == .mysql else { return nil }
        let end = endOfWord(text, start &+ 1)
        guard end &- start <= 10, Keywords.isCharset(text, start &+ 1..<end) else { return nil }
        let count = text.byteCount
        var at = end
        while at < count, CharacterClass.of(text.u8(at: at)) == CharacterClass.blank { at &+= 1 }
        guard at < count else { return nil }
        let byte = text.u8(at: at)
        if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") && !options.ansiQuotes {
            return quoted(text, start, at &+ 1, mode: plainMode, kind: .string, quote: byte)
        }
        let lowered = CharacterClass.lowered(byte)
        guard lowered == UInt8(ascii: "x") || lowered == UInt8(ascii: "b"), at &+ 1 < count,
            text.u8(at: at &+ 1) == UInt8(ascii: "'")
        else { return nil }
        return quoted(text, start, at &+ 2, mode: .plain, kind: .string)
    }

    private func endOfWord(_ text: RawSpan, _ from: Int) -> Int {
        let count = text.byteCount
        var at = from
        guard let charset = options.charset else {
            while at < count, CharacterClass.continuesWord(text.u8(at: at)) { at &+= 1 }
            return at
        }
        while at < count, CharacterClass.continuesWord(text.u8(at: at)) { at &+= charset.length(text, at) }
        return at
    }

    /// A string or identifier that begins with a letter: `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`, `U&"…"`.
    private mutating func prefixedQuote(_ text: RawSpan, _ start: Int) -> Token? {
        guard start &+ 1 < text.byteCount else { return nil }
        let second = text.u8(at: start &+ 1)
        if second == UInt8(ascii: "'") {
            switch CharacterClass.lowered(text.u8(at: start)) {
            case UInt8(ascii: "e") where options.dialect == .postgres:
                return quoted(text, start, start &+ 2, mode: .backslash, kind: .string)
            case UInt8(ascii: "b"), UInt8(ascii: "x"):
                return quoted(text, start, start &+ 2, mode: .plain, kind: .string)
            case UInt8(ascii: "n"):
                return quoted(text, start, start &+ 2, mode: plainMode, kind: .string)
            default: return nil
            }
        }
        guard second == UInt8(ascii: "&"), options.dialect == .postgres, start &+ 2 < text.byteCount,
            CharacterClass.lowered(text.u8(at: start)) == UInt8(ascii: "u")
        else { return nil }
        let third = text.u8(at: start &+ 2)
        if third == UInt8(ascii: "'") {
            return quoted(text, start, start &+ 3, mode: .doubled, kind: .string)
        }
        if third == UInt8(ascii: "\"") {
            isAmbiguous = true
            return quoted(text, start, start &+ 3, mode: .doubled, kind: .quotedIdentifier, quote: third)
        }
        return nil
    }

    // MARK: Quotes

    /// A quoted text whose body starts at `body`.
    mutating func quoted(
        _ text: RawSpan, _ start: Int, _ body: Int, mode: QuoteMode, kind: TokenKind, quote: UInt8 = UInt8(ascii: "'")
    ) -> Token {
        let count = text.byteCount
        var at = body
        while at < count {
            let byte = text.u8(at: at)
            if byte >= 0x80, let charset = options.charset {
                at &+= charset.length(text, at)
            } else if byte == quote {
                if mode != .plain, at &+ 1 < count, text.u8(at: at &+ 1) == quote {
                    at &+= 2
                } else if quote == UInt8(ascii: "'"), let next = continuation(text, at &+ 1) {
                    at = next
                } else {
                    return finish(kind, start, at &+ 1)
                }
            } else if byte == UInt8(ascii: "\\"), mode == .backslash {
                at &+= 2
            } else {
                at &+= 1
            }
        }
        isAmbiguous = true
        return finish(.unterminated, start, count)
    }

    /// PostgreSQL joins two strings with a line break (and comments) between them into one, read in the first one's
    /// mode: the offset after the quote that goes on.
    private func continuation(_ text: RawSpan, _ from: Int) -> Int? {
        guard options.dialect == .postgres else { return nil }
        let count = text.byteCount
        var at = from
        var newline = false
        while at < count {
            let byte = text.u8(at: at)
            if byte == 0x0A || byte == 0x0D {
                newline = true
                at &+= 1
            } else if CharacterClass.of(byte) == CharacterClass.blank {
                at &+= 1
            } else if byte == UInt8(ascii: "-"), at &+ 1 < count, text.u8(at: at &+ 1) == UInt8(ascii: "-") {
                // Only a comment after the line break keeps the string going; before it, it also may.
                while at < count, text.u8(at: at) != 0x0A, text.u8(at: at) != 0x0D { at &+= 1 }
            } else {
                return newline && byte == UInt8(ascii: "'") ? at &+ 1 : nil
            }
        }
        return nil
    }

    // MARK: Dollars

    /// `$1`, `$$…$$`, `$tag$…$tag$`, or a lone dollar sign.
    mutating func dollar(_ text: RawSpan, _ start: Int) -> Token {
        let count = text.byteCount
        var at = start &+ 1
        guard options.dialect == .postgres else { return finish(.word, start, endOfWord(text, at)) }
        if at < count, CharacterClass.of(text.u8(at: at)) == CharacterClass.digit {
            // Releases before 16 take `$1into` for `$1 into`.
            while at < count, CharacterClass.of(text.u8(at: at)) == CharacterClass.digit { at &+= 1 }
            return finish(.parameter, start, at)
        }
        while at < count {
            let kind = CharacterClass.of(text.u8(at: at))
            guard kind == CharacterClass.letter || kind == CharacterClass.digit else { break }
            at &+= 1
        }
        guard at < count, text.u8(at: at) == UInt8(ascii: "$") else { return finish(.symbol, start, start &+ 1) }
        let tag = at &+ 1 &- start
        var from = at &+ 1
        while let close = text.firstIndex(of: UInt8(ascii: "$"), from: from, to: count), count &- close >= tag {
            if text.extracting(close..<(close &+ tag)).equals(text.extracting(start..<(start &+ tag))) {
                return finish(.string, start, close &+ tag)
            }
            from = close &+ 1
        }
        isAmbiguous = true
        return finish(.unterminated, start, count)
    }

    // MARK: Numbers

    /// A number; letters glued to it are part of it, so that no digit of a value is ever taken for a name. In MySQL a
    /// name may begin with digits.
    mutating func number(_ text: RawSpan, _ start: Int) -> Token {
        let count = text.byteCount
        var at = start
        var letters = false
        var last: UInt8 = 0
        while at < count {
            let byte = text.u8(at: at)
            let kind = CharacterClass.of(byte)
            if kind == CharacterClass.digit {
                last = byte
            } else if kind == CharacterClass.dot {
                // `1..10` is a range of PL/pgSQL.
                if at &+ 1 < count, text.u8(at: at &+ 1) == UInt8(ascii: ".") { break }
                // `2a.b` is a column of table `2a`.
                if isName(text, start, at) { break }
                last = byte
            } else if kind == CharacterClass.letter || kind == CharacterClass.dollar {
                last = CharacterClass.lowered(byte)
                if last != UInt8(ascii: "e") { letters = true }
            } else if (byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")) && last == UInt8(ascii: "e")
                && !letters && at &+ 1 < count && CharacterClass.of(text.u8(at: at &+ 1)) == CharacterClass.digit
            {
                last = byte
            } else {
                break
            }
            at &+= 1
        }
        if isName(text, start, at) { return finish(.word, start, at) }
        // Releases before 15 take `1into` for `1 into`.
        if letters { isAmbiguous = true }
        return finish(.number, start, at)
    }

    /// MySQL: digits with letters behind them are a name, unless they are `0x1F`, `0b01` or `1e5`.
    private func isName(_ text: RawSpan, _ start: Int, _ end: Int) -> Bool {
        guard options.dialect == .mysql else { return false }
        var at = start
        while at < end, CharacterClass.of(text.u8(at: at)) == CharacterClass.digit { at &+= 1 }
        guard at < end, CharacterClass.of(text.u8(at: at)) != CharacterClass.dot else { return false }
        let letter = CharacterClass.lowered(text.u8(at: at))
        if at == start &+ 1, text.u8(at: start) == UInt8(ascii: "0") {
            return letter != UInt8(ascii: "x") && letter != UInt8(ascii: "b")
        }
        guard letter == UInt8(ascii: "e") else { return true }
        at &+= 1
        if at < end, text.u8(at: at) == UInt8(ascii: "-") || text.u8(at: at) == UInt8(ascii: "+") { return false }
        let exponent = at
        while at < end, CharacterClass.of(text.u8(at: at)) == CharacterClass.digit { at &+= 1 }
        // `1e` is a name as well: there is no exponent.
        return at < end || at == exponent
    }

    // MARK: Operators

    /// As many operator characters as belong together. PostgreSQL: up to the start of a comment, and without trailing
    /// signs unless one of `~!@#^&|`?%` stands among them, so that `a=-1` is three tokens.
    ///
    /// MySQL: a run of comparison and logic characters, otherwise one character.
    mutating func op(_ text: RawSpan, _ start: Int, _ first: UInt8) -> Token {
        if options.dialect == .mysql {
            if first == UInt8(ascii: "?") { return finish(.parameter, start, start &+ 1) }
            if first == UInt8(ascii: "@"), start &+ 1 < text.byteCount, text.u8(at: start &+ 1) == first {
                return finish(.symbol, start, start &+ 2)
            }
            var at = start &+ 1
            if Self.joins(first) {
                while at < text.byteCount, Self.joins(text.u8(at: at)) { at &+= 1 }
            }
            return finish(.symbol, start, at)
        }
        let count = text.byteCount
        var at = start
        var special = false
        // No operator has more than 63 characters; without a bound, a long row of signs would be read once for each.
        let bound = min(count, start &+ 64)
        while at < bound {
            let byte = text.u8(at: at)
            let kind = CharacterClass.of(byte)
            guard kind == CharacterClass.op || kind == CharacterClass.backtick else { break }
            if at > start, at &+ 1 < count {
                let second = text.u8(at: at &+ 1)
                if byte == UInt8(ascii: "-") && second == byte { break }
                if byte == UInt8(ascii: "/") && second == UInt8(ascii: "*") { break }
            }
            switch byte {
            case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "<"),
                UInt8(ascii: ">"), UInt8(ascii: "="):
                break
            default: special = true
            }
            at &+= 1
        }
        if !special {
            while at &- start > 1 {
                let byte = text.u8(at: at &- 1)
                guard byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") else { break }
                at &-= 1
            }
        }
        return finish(.symbol, start, at)
    }

    private static func joins(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "|"),
            UInt8(ascii: "&"):
            true
        default: false
        }
    }
}
