/// A word, text or sign of a console statement.
enum Token: Equatable {
    /// A word, or an identifier in double quotes, which keeps its case.
    case word(String, isQuoted: Bool)
    /// Text in single quotes.
    case string(String)
    /// Anything else: one character.
    case sign(Character)

    /// The word in lower case, unless it was quoted.
    var name: String? {
        guard case .word(let text, let isQuoted) = self else { return nil }
        return isQuoted ? text : text.lowercased()
    }

    /// What was written, as a name or value.
    var argument: String? {
        switch self {
        case .word(let text, _), .string(let text): text
        case .sign: nil
        }
    }
}

/// Cuts console text into statements and those into tokens; nil if a quote does not end.
func tokenize(_ text: String) -> [[Token]]? {
    var statements: [[Token]] = []
    var tokens: [Token] = []
    var rest = text.unicodeScalars[...]
    func isWord(_ c: Unicode.Scalar) -> Bool {
        c == "_" || c == "." || c == "-" || c == "$" || c == "/" || c == ":" || c.properties.isAlphabetic
            || (c.value >= 0x30 && c.value <= 0x39)
    }
    func quoted(_ quote: Unicode.Scalar) -> String? {
        var value = String.UnicodeScalarView()
        rest.removeFirst()
        while let c = rest.popFirst() {
            if c != quote {
                value.append(c)
            } else if rest.first == quote {
                value.append(c)
                rest.removeFirst()
            } else {
                return String(value)
            }
        }
        return nil
    }
    while let c = rest.first {
        if c.properties.isWhitespace {
            rest.removeFirst()
        } else if rest.starts(with: "--".unicodeScalars) {
            rest = rest.drop { $0 != "\n" }
        } else if rest.starts(with: "/*".unicodeScalars) {
            while !rest.isEmpty, !rest.starts(with: "*/".unicodeScalars) { rest.removeFirst() }
            rest = rest.dropFirst(2)
        } else if c == ";" {
            rest.removeFirst()
            if !tokens.isEmpty { statements.append(tokens) }
            tokens = []
        } else if c == "'" {
            guard let value = quoted(c) else { return nil }
            tokens.append(.string(value))
        } else if c == "\"" {
            guard let value = quoted(c) else { return nil }
            tokens.append(.word(value, isQuoted: true))
        } else if isWord(c) {
            let word = rest.prefix(while: isWord)
            rest = rest[word.endIndex...]
            tokens.append(.word(String(word), isQuoted: false))
        } else {
            rest.removeFirst()
            tokens.append(.sign(Character(c)))
        }
    }
    if !tokens.isEmpty { statements.append(tokens) }
    return statements
}
