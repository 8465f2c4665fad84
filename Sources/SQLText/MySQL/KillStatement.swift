internal import ByteKit

/// What a `KILL` names. Ids are those of the server; a client of a proxy means the proxy's, which has to be told apart
/// and put in its place.
public struct KillStatement: Sendable, Equatable {
    /// Whom it names.
    public enum Target: Sendable, Equatable {
        /// A connection by its id, which stands at `range` of the text.
        case connection(UInt64, range: Range<Int>)
        /// MariaDB `KILL QUERY ID`: a statement by its id.
        case query(UInt64, range: Range<Int>)
        /// The client's own connection: `CONNECTION_ID()`, which stands at `range` of the text.
        case own(range: Range<Int>)
        /// MariaDB `KILL USER`: every connection of a user, at every host if none is given.
        case user(String, host: String?)
        /// An expression, a parameter, or nothing that is understood.
        case untold
    }

    /// Whom it names.
    public let target: Target
    /// `KILL QUERY`: the statement is ended, the connection stays.
    public let isQueryOnly: Bool
    /// MariaDB `SOFT`: what must not be left half done is finished first.
    public let isSoft: Bool

    /// Reads a text that is one `KILL`, with a semicolon or without; nil for any other.
    public init?(parsing text: RawSpan, _ options: LexerOptions = LexerOptions(dialect: .mysql)) {
        var lexer = Lexer(options)
        var tokens: [Token] = []
        while let token = lexer.next(in: text) {
            tokens.append(token)
            // The longest has fewer.
            if tokens.count > 16 { break }
        }
        while tokens.last?.kind == .semicolon { tokens.removeLast() }
        guard !tokens.contains(where: { $0.kind == .semicolon }) else { return nil }
        self.init(tokens[...], text)
    }

    init?(_ statement: ArraySlice<Token>, _ text: RawSpan) {
        guard let first = statement.first, text.isWord(first, "kill") else { return nil }
        var rest = statement.dropFirst()
        func skip(_ word: StaticString) -> Bool {
            // A word that is all there is is no option, but a name.
            guard let next = rest.first, rest.count > 1, text.isWord(next, word) else { return false }
            rest = rest.dropFirst()
            return true
        }
        let soft = skip("soft")
        if !soft { _ = skip("hard") }
        isSoft = soft
        let isConnection = skip("connection")
        isQueryOnly = !isConnection && skip("query")
        if isQueryOnly, skip("id") {
            target = Self.number(rest, text).map { .query($0, range: $1) } ?? .untold
        } else if skip("user") {
            target = Self.user(rest, text)
        } else if let (id, range) = Self.number(rest, text) {
            target = .connection(id, range: range)
        } else {
            target = Self.own(rest, text)
        }
    }

    /// The statement with its id replaced by `id`; nil if it names none.
    public func replacing(id: UInt64, in text: RawSpan) -> [UInt8]? {
        switch target {
        case .connection(_, let range), .query(_, let range), .own(let range):
            guard range.lowerBound >= 0, range.upperBound <= text.byteCount else { return nil }
            return text.extracting(0..<range.lowerBound).toArray() + Array(String(id).utf8)
                + text.extracting(range.upperBound..<text.byteCount).toArray()
        case .user, .untold: return nil
        }
    }

    /// A number, or a string that is one, in parentheses or not.
    private static func number(_ rest: ArraySlice<Token>, _ text: RawSpan) -> (UInt64, Range<Int>)? {
        if rest.count == 3, rest.first?.kind == .openParen, rest.last?.kind == .closeParen {
            return number(rest.dropFirst().dropLast(), text)
        }
        guard rest.count == 1, let token = rest.first, token.kind == .number || token.kind == .string else {
            return nil
        }
        var digits = token.range
        if token.kind == .string {
            guard digits.count > 2, text.u8(at: digits.lowerBound) < 0x30 else { return nil }
            digits = digits.lowerBound &+ 1..<digits.upperBound &- 1
        }
        var id: UInt64 = 0
        for at in digits {
            let digit = text.u8(at: at) &- UInt8(ascii: "0")
            let (tens, over) = id.multipliedReportingOverflow(by: 10)
            let (sum, carries) = tens.addingReportingOverflow(UInt64(digit))
            guard digit < 10, !over, !carries else { return nil }
            id = sum
        }
        return (id, token.range)
    }

    private static func own(_ rest: ArraySlice<Token>, _ text: RawSpan) -> Target {
        guard rest.count == 3, let name = rest.first, let last = rest.last, text.isWord(name, "connection_id"),
            rest[rest.startIndex &+ 1].kind == .openParen, last.kind == .closeParen
        else { return .untold }
        return .own(range: Int(name.start)..<Int(last.end))
    }

    private static func user(_ rest: ArraySlice<Token>, _ text: RawSpan) -> Target {
        let parts = rest.map { token in
            token.isName || token.kind == .string ? text.unquoted(token) : nil
        }
        switch parts.count {
        case 1: return parts[0].map { .user($0, host: nil) } ?? .untold
        case 3:
            let at = rest[rest.startIndex &+ 1]
            guard at.kind == .symbol, at.count == 1, text.u8(at: Int(at.start)) == UInt8(ascii: "@"),
                let user = parts[0], let host = parts[2]
            else { return .untold }
            return .user(user, host: host)
        default: return .untold
        }
    }
}

extension RawSpan {
    /// A name or a string as plain text, in the case it is written in; nil for a string with a backslash or a prefix in it,
    /// which would have to be unescaped as the session does it.
    func unquoted(_ token: Token) -> String? {
        guard token.kind == .string else { return name(of: token, keepingCase: true) }
        let quote = u8(at: Int(token.start))
        guard token.count >= 2, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        var bytes: [UInt8] = []
        var at = Int(token.start) &+ 1
        while at < Int(token.end) &- 1 {
            let byte = u8(at: at)
            if byte == UInt8(ascii: "\\") { return nil }
            bytes.append(byte)
            at &+= byte == quote ? 2 : 1
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
