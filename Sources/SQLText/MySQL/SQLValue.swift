internal import ByteKit

/// Writing values and names so that they mean the same in every session: whatever `sql_mode` says of quotes and
/// backslashes there, and, for ASCII, whatever its character set is.
enum SQLValue {
    /// `` `name` ``
    static func appendQuotedName(_ name: RawSpan, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "`"))
        for at in 0..<name.byteCount {
            if name.u8(at: at) == UInt8(ascii: "`") { out.append(UInt8(ascii: "`")) }
            out.append(name.u8(at: at))
        }
        out.append(UInt8(ascii: "`"))
    }

    /// `` `name` ``
    static func quotedName(_ name: String) -> [UInt8] {
        var out: [UInt8] = [UInt8(ascii: "`")]
        for byte in name.utf8 {
            if byte == UInt8(ascii: "`") { out.append(byte) }
            out.append(byte)
        }
        out.append(UInt8(ascii: "`"))
        return out
    }

    /// A string for a system variable, as any session reads it. nil if it has a backslash, whose meaning hangs on
    /// `sql_mode`, and is not ASCII.
    ///
    /// With bytes above ASCII it means the same only where `character_set_client` is the same.
    static func string(_ bytes: [UInt8]) -> [UInt8]? {
        if let plain = quoted(bytes) { return plain }
        return bytes.allSatisfy { $0 < 0x80 } ? Array("_utf8mb4 ".utf8) + hex(bytes) : nil
    }

    /// A string that has the character set and the collation of the session, for which `UserVariableString` stands.
    static func stringOfSession(_ bytes: [UInt8]) -> [UInt8] {
        UserVariableString.introducer + (quoted(bytes) ?? [UInt8(ascii: " ")] + hex(bytes))
    }

    /// `'it''s'`; nil if it has a backslash.
    private static func quoted(_ bytes: [UInt8]) -> [UInt8]? {
        guard !bytes.contains(UInt8(ascii: "\\")) else { return nil }
        var out: [UInt8] = [UInt8(ascii: "'")]
        for byte in bytes {
            if byte == UInt8(ascii: "'") { out.append(byte) }
            out.append(byte)
        }
        out.append(UInt8(ascii: "'"))
        return out
    }

    /// `X'41'`
    static func hex(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = Array("X'".utf8)
        for byte in bytes {
            for half in [byte >> 4, byte & 0xF] {
                out.append(half < 10 ? UInt8(ascii: "0") &+ half : UInt8(ascii: "A") &+ half &- 10)
            }
        }
        out.append(UInt8(ascii: "'"))
        return out
    }
}

/// A plain string in the replay of `SET @name = 'string'`: what character set and collation it has only the session knows
/// that said it, so the replay leaves room for them.
public enum UserVariableString {
    /// Where the character set goes, in front of `'…'` or ` X'…'`.
    static let introducer = Array("_?".utf8)

    /// Where the introducer lies in a replay; nil if the value is no plain string.
    public static func introducer(in replay: [UInt8]) -> Range<Int>? {
        let quote = UInt8(ascii: "`")
        // The name is quoted; what lies in it is not looked at, nor what lies in the value.
        guard var at = replay.firstIndex(of: quote).map({ $0 &+ 1 }) else { return nil }
        while at < replay.count {
            if replay[at] == quote {
                guard at &+ 1 < replay.count, replay[at &+ 1] == quote else { break }
                at &+= 1
            }
            at &+= 1
        }
        let start = at &+ "` = ".utf8.count
        guard start < replay.count, replay[start...].starts(with: introducer) else { return nil }
        return start..<(start &+ introducer.count)
    }
}

/// A value in a `SET`, as far as the text tells it.
enum SetValue: Equatable {
    /// The literal as any session reads it, and the text of a string or a bare word as it is meant.
    case literal([UInt8], text: [UInt8]?)
    /// `DEFAULT`
    case byDefault
    /// It has to be asked for.
    case computed
}

/// Reads values.
extension LexicalFacts {
    /// The value in a range of tokens. A bare word is a string for a system variable, and nothing for a user variable.
    func setValue(_ slice: Range<Int>, _ text: RawSpan, isVariable: Bool) -> SetValue {
        guard let first = slice.first else { return .computed }
        switch tokens[first].kind {
        case .string: return strings(slice, text, isVariable: isVariable)
        case .number: return isArithmetic(slice, text) ? .literal(joined(slice, text), text: nil) : .computed
        case .symbol: return isArithmetic(slice, text) ? .literal(joined(slice, text), text: nil) : .computed
        case .quotedIdentifier:
            guard slice.count == 1, !isVariable, let name = certainName(tokens[first], text) else { return .computed }
            let bytes = Array(name.utf8)
            return SQLValue.string(bytes).map { .literal($0, text: bytes) } ?? .computed
        case .word:
            guard slice.count == 1 else { return .computed }
            return word(tokens[first], text, isVariable)
        case .parameter, .cast, .comma, .dot, .semicolon, .openParen, .closeParen, .openBracket, .closeBracket,
            .unterminated:
            return .computed
        }
    }

    /// A name in the case it is written in, by the bytes it has; nil if they are no UTF-8, or if one of them may be half a
    /// character.
    func certainName(_ token: Token, _ text: RawSpan) -> String? {
        let bytes = text.extracting(token.range).toArray()
        guard String(validating: bytes, as: UTF8.self) != nil,
            options.charset == nil || bytes.allSatisfy({ $0 < 0x80 })
        else { return nil }
        return text.unquoted(token)
    }

    private func word(_ token: Token, _ text: RawSpan, _ isVariable: Bool) -> SetValue {
        for constant in ["null", "true", "false"] as [StaticString] where text.isWord(token, constant) {
            let bytes = text.extracting(token.range).toArray()
            return .literal(bytes, text: constant.description == "null" ? nil : bytes)
        }
        if isVariable { return .computed }
        if text.isWord(token, "default") { return .byDefault }
        guard let name = certainName(token, text) else { return .computed }
        let bytes = Array(name.utf8)
        return SQLValue.string(bytes).map { .literal($0, text: bytes) } ?? .computed
    }

    /// Numbers with signs and `+`, `-` and `*` between: the same everywhere.
    private func isArithmetic(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
        guard slice.count <= 16, let last = slice.last, tokens[last].kind == .number else { return false }
        var wasNumber = false
        for at in slice {
            switch tokens[at].kind {
            case .number where !wasNumber: wasNumber = true
            case .symbol where tokens[at].count == 1:
                switch text.u8(at: Int(tokens[at].start)) {
                case UInt8(ascii: "-"), UInt8(ascii: "+"): break
                case UInt8(ascii: "*") where wasNumber: break
                default: return false
                }
                wasNumber = false
            default: return false
            }
        }
        return true
    }

    /// The tokens with a blank between two of them, without the comments that lie there; none between a sign and what it
    /// belongs to.
    func joined(_ slice: Range<Int>, _ text: RawSpan) -> [UInt8] {
        var out: [UInt8] = []
        for at in slice {
            if at > slice.lowerBound, tokens[at].start > tokens[at &- 1].end { out.append(UInt8(ascii: " ")) }
            unsafe text.extracting(tokens[at].range).withUnsafeBytes { unsafe out.append(contentsOf: $0) }
        }
        return out
    }

    // MARK: Strings

    /// Strings side by side are one.
    private func strings(_ slice: Range<Int>, _ text: RawSpan, isVariable: Bool) -> SetValue {
        guard let first = slice.first, slice.allSatisfy({ tokens[$0].kind == .string }) else { return .computed }
        let start = Int(tokens[first].start)
        var bytes: [UInt8] = []
        switch CharacterClass.lowered(text.u8(at: start)) {
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            for at in slice { guard unescape(tokens[at].range, text, &bytes) else { return .computed } }
            if isVariable { return .literal(SQLValue.stringOfSession(bytes), text: bytes) }
            return SQLValue.string(bytes).map { .literal($0, text: bytes) } ?? .computed
        case UInt8(ascii: "x"), UInt8(ascii: "b"):
            return slice.count == 1 ? .literal(text.extracting(tokens[first].range).toArray(), text: nil) : .computed
        case UInt8(ascii: "_"):
            guard slice.count == 1 else { return .computed }
            return introduced(tokens[first], text)
        default:
            // `N'…'`: its character set hangs on the server.
            return .computed
        }
    }

    /// `_latin1'…'`, `_latin1 X'…'`
    private func introduced(_ token: Token, _ text: RawSpan) -> SetValue {
        var at = Int(token.start)
        while at < Int(token.end), CharacterClass.continuesWord(text.u8(at: at)) {
            // `_utf8x'41'`: nothing but a blank or a quote ends the name, so the lexer has seen to it.
            at &+= 1
        }
        let name = text.extracting(Int(token.start)..<at).toArray()
        while at < Int(token.end), CharacterClass.of(text.u8(at: at)) == CharacterClass.blank { at &+= 1 }
        guard at < Int(token.end) else { return .computed }
        let body = at..<Int(token.end)
        switch text.u8(at: at) {
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            var bytes: [UInt8] = []
            guard unescape(body, text, &bytes) else { return .computed }
            return .literal(name + [0x20] + SQLValue.hex(bytes), text: bytes)
        default:
            return .literal(name + [0x20] + text.extracting(body).toArray(), text: nil)
        }
    }

    /// Appends what a quoted string means in the session that wrote it.
    private func unescape(_ range: Range<Int>, _ text: RawSpan, _ out: inout [UInt8]) -> Bool {
        guard range.count >= 2 else { return false }
        let quote = text.u8(at: range.lowerBound)
        guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return false }
        let end = range.upperBound &- 1
        var at = range.lowerBound &+ 1
        while at < end {
            let byte = text.u8(at: at)
            if byte >= 0x80, let charset = options.charset, case let length = charset.length(text, at), length > 1 {
                for next in at..<min(at &+ length, end) {
                    // Written again, half of such a character must not look like a backslash or a quote.
                    let part = text.u8(at: next)
                    if part == UInt8(ascii: "\\") || part == UInt8(ascii: "'") { return false }
                    out.append(part)
                }
                at &+= length
            } else if byte == quote {
                out.append(byte)
                at &+= 2
            } else if byte == UInt8(ascii: "\\"), !options.noBackslashEscapes {
                guard at &+ 1 < end else { return false }
                Self.appendEscape(text.u8(at: at &+ 1), &out)
                at &+= 2
            } else {
                out.append(byte)
                at &+= 1
            }
        }
        return true
    }

    /// The manual's table of escapes, in which `\%` and `\_` keep their backslash.
    private static func appendEscape(_ byte: UInt8, _ out: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "0"): out.append(0)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "Z"): out.append(26)
        case UInt8(ascii: "%"), UInt8(ascii: "_"):
            out.append(UInt8(ascii: "\\"))
            out.append(byte)
        default: out.append(byte)
        }
    }
}
