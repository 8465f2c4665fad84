internal import ByteKit

/// Makes a statement fit to be seen: every literal becomes `?`, comments become a blank.
///
/// Secrets are literals (`PASSWORD 'x'`, `IDENTIFIED BY 'x'`, options, connection strings), so they go with them; a
/// setting whose name speaks of a secret loses its unquoted value too. A text in which a quote has no end is withheld as
/// a whole, because then what looks like code may be the inside of a string.
public struct Redactor: Sendable {
    /// How the session reads quotes. Wrong options can show a part of a literal as code.
    public let options: LexerOptions

    /// What is written in place of a text that cannot be read.
    public static let withheld: StaticString = "<withheld: unparseable>"

    /// A redactor for texts of sessions with these settings.
    public init(_ options: LexerOptions = LexerOptions()) {
        self.options = options
    }

    /// The redacted text.
    public func redact(_ sql: RawSQL) -> String {
        sql.withBytes { redact($0) }
    }

    /// The redacted text.
    public func redact(_ text: RawSpan) -> String {
        var output: [UInt8] = []
        write(text, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Appends the redacted text to `output`.
    public func write(_ text: RawSpan, into output: inout [UInt8]) {
        _ = read(text, into: &output)
    }

    /// A text with its values, where nothing in it speaks of a secret; else, and where it has several statements, what is
    /// shown of it everywhere.
    public static func withoutSecrets(_ text: RawSQL, of part: StatementShape.Part) -> [UInt8] {
        guard part.statementClass != .role, part.statementClass != .admin, part.statementClass != .unknown else {
            return part.text
        }
        return text.withBytes { bytes in
            speaksOfSecret(bytes) ? part.text : bytes.toArray()
        }
    }

    /// Whether a word stands anywhere, in code or in a value, behind which secrets are written.
    private static func speaksOfSecret(_ text: RawSpan) -> Bool {
        let words: [StaticString] = [
            "passw", "pwd", "identified", "secret", "token", "key", "crypt", "conninfo", "dblink", "://", "connection",
            "credential", "aes_", "des_", "pgp_",
        ]
        for at in 0..<text.byteCount {
            for word in words {
                let end = at &+ word.utf8CodeUnitCount
                if end <= text.byteCount, text.isWord(at..<end, word) { return true }
            }
        }
        return false
    }

    /// What reading a text to its end has shown.
    struct Reading {
        /// A quote or comment has no end: `withheld` stands in its place.
        var isWithheld = false
        /// Texts that read the same redacted may mean different things.
        var isAmbiguous = false
        /// What a `traceparent` in a comment says.
        var trace: TraceContext?
    }

    /// Appends the redacted text to `output`.
    func read(_ text: RawSpan, into output: inout [UInt8]) -> Reading {
        let start = output.count
        output.reserveCapacity(start &+ text.byteCount)
        var lexer = Lexer(options)
        var secrets = SecretSetting()
        var reading = Reading()
        // What is shown as it is and not copied yet.
        var shown = 0
        var previousEnd = 0
        while let token = lexer.next(in: text) {
            if token.kind == .unterminated {
                output.removeLast(output.count &- start)
                Self.append(Self.withheld, to: &output)
                reading.isWithheld = true
                reading.isAmbiguous = true
                return reading
            }
            let (first, end) = (Int(token.start), Int(token.end))
            if first &- previousEnd > 1, !isBlank(text, previousEnd..<first) {
                copy(text, shown..<previousEnd, into: &output)
                output.append(UInt8(ascii: " "))
                shown = first
                if reading.trace == nil { reading.trace = TraceContext.find(in: text, previousEnd..<first) }
            }
            // `$1` and `?` say nothing of a value.
            if token.isLiteral && token.kind != .parameter || secrets.hides(token, text) {
                copy(text, shown..<first, into: &output)
                output.append(UInt8(ascii: "?"))
                shown = end
            }
            previousEnd = end
        }
        copy(text, shown..<previousEnd, into: &output)
        if text.byteCount &- previousEnd > 60, reading.trace == nil {
            reading.trace = TraceContext.find(in: text, previousEnd..<text.byteCount)
        }
        reading.isAmbiguous = lexer.isAmbiguous
        return reading
    }

    /// Whether only white space lies there, and no comment.
    private func isBlank(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        for at in range where CharacterClass.of(text.u8(at: at)) != CharacterClass.blank { return false }
        return true
    }

    private func copy(_ text: RawSpan, _ range: Range<Int>, into output: inout [UInt8]) {
        guard range.lowerBound < range.upperBound, range.upperBound <= text.byteCount else { return }
        unsafe text.extracting(range).withUnsafeBytes { unsafe output.append(contentsOf: $0) }
    }

    private static func append(_ text: StaticString, to output: inout [UInt8]) {
        text.withUTF8Buffer { unsafe output.append(contentsOf: $0) }
    }
}

/// Watches for `SET name = value` and `ALTER … SET name = value` where the name speaks of a secret: an unquoted value is
/// one as well.
private struct SecretSetting {
    private enum State { case start, altering, outside, name, value }
    private var state = State.start
    private var suspicious = false

    mutating func hides(_ token: Token, _ text: RawSpan) -> Bool {
        if token.kind == .semicolon {
            state = .start
            suspicious = false
            return false
        }
        switch state {
        case .start:
            state = text.isWord(token, "set") ? .name : text.isWord(token, "alter") ? .altering : .outside
            return false
        case .altering:
            if text.isWord(token, "set") { state = .name }
            return false
        case .outside: return false
        case .name:
            if token.isName, speaksOfSecret(text, token.range) { suspicious = true }
            let assigns = text.isWord(token, "to") || token.kind == .symbol && text.u8(at: Int(token.start)) == 0x3D
            if assigns, suspicious { state = .value }
            return false
        case .value: return token.isName
        }
    }

    private func speaksOfSecret(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        for at in range {
            let rest = at..<range.upperBound
            if begins(text, rest, "pass") || begins(text, rest, "secret") || begins(text, rest, "token")
                || begins(text, rest, "key") || begins(text, rest, "pwd")
            {
                return true
            }
        }
        return false
    }

    private func begins(_ text: RawSpan, _ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count >= word.utf8CodeUnitCount else { return false }
        return text.isWord(range.lowerBound..<(range.lowerBound &+ word.utf8CodeUnitCount), word)
    }
}
