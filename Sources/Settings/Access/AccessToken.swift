/// A word of an HBA or ident file.
struct AccessToken: Sendable, Hashable {
    /// Without its quotes.
    var text: String
    /// It began with a quote, so it is a name, whatever it spells.
    var isQuoted: Bool
    /// Where it stands.
    var place: FilePlace

    /// Whether it is this word of the syntax.
    func isKeyword(_ word: String) -> Bool { !isQuoted && text == word }
}

/// A place in one of several files.
struct FilePlace: Sendable, Hashable {
    var file: String
    var position: SourcePosition
}

/// A line, joined with those that continue it: fields apart by blanks, each a list of words apart by commas.
struct AccessLine: Sendable, Hashable {
    var fields: [[AccessToken]]
    /// Where its first word stands.
    var place: FilePlace { fields.first?.first?.place ?? FilePlace(file: "", position: .start) }
}

/// Cuts the text of an HBA or ident file into lines and words as PostgreSQL does (`hba.c`, `next_token`).
struct AccessScanner {
    private let bytes: [UInt8]
    private let file: String
    private var index = 0
    private var position = SourcePosition.start
    private(set) var problems: [Problem] = []

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// All lines that hold something.
    mutating func lines() -> [AccessLine] {
        var lines: [AccessLine] = []
        while peek() != nil {
            let fields = line()
            if !fields.isEmpty { lines.append(AccessLine(fields: fields)) }
        }
        return lines
    }

    private mutating func line() -> [[AccessToken]] {
        var fields: [[AccessToken]] = []
        while true {
            var field: [AccessToken] = []
            var goesOn = true
            while goesOn, let (token, hasComma) = token() {
                field.append(token)
                goesOn = hasComma
            }
            if field.isEmpty { break }
            fields.append(field)
        }
        if peek() == Self.newline { advance() }
        return fields
    }

    /// The next word of the line and whether a comma follows it; nil at the end of the line.
    private mutating func token() -> (AccessToken, hasComma: Bool)? {
        while let byte = peek(), Self.isBlank(byte) || byte == UInt8(ascii: ",") { advance() }
        let start = position
        var text: [UInt8] = []
        var (inQuote, wasQuote, isQuoted, hasComma, isThere) = (false, false, false, false, false)
        while let byte = peek(), byte != Self.newline {
            if Self.isBlank(byte), !inQuote { break }
            if byte == UInt8(ascii: "#"), !inQuote {
                while let rest = peek(), rest != Self.newline { advance() }
                break
            }
            advance()
            if byte == UInt8(ascii: ","), !inQuote {
                hasComma = true
                break
            }
            let isMark = byte == UInt8(ascii: "\"")
            if !isMark || wasQuote { text.append(byte) }
            wasQuote = inQuote && isMark && !wasQuote
            if isMark {
                inQuote.toggle()
                if text.isEmpty { isQuoted = true }
            }
            isThere = true
        }
        guard isThere else { return nil }
        if inQuote {
            error(start, "a quote is not closed", "a name would take in the rest of the line", "write \" behind it")
        }
        if text.contains(0) { error(start, "a word has a zero byte", "no name has one", "remove it") }
        let place = FilePlace(file: file, position: start)
        return (AccessToken(text: String(decoding: text, as: UTF8.self), isQuoted: isQuoted, place: place), hasComma)
    }

    // MARK: Characters

    private static let newline = UInt8(ascii: "\n")

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

    /// The next byte; a backslash at the end of a line joins it with the next, also inside quotes and comments.
    private mutating func peek() -> UInt8? {
        while index < bytes.count, bytes[index] == UInt8(ascii: "\\") {
            var end = index + 1
            if end < bytes.count, bytes[end] == 0x0D { end += 1 }
            guard end < bytes.count, bytes[end] == Self.newline else { break }
            index = end + 1
            position = SourcePosition(line: position.line + 1, column: 1)
        }
        return index < bytes.count ? bytes[index] : nil
    }

    private mutating func advance() {
        guard index < bytes.count else { return }
        let byte = bytes[index]
        index += 1
        if byte == Self.newline {
            position = SourcePosition(line: position.line + 1, column: 1)
        } else if byte & 0xC0 != 0x80 {
            position.column += 1
        }
    }

    private mutating func error(_ at: SourcePosition, _ what: String, _ why: String, _ instead: String) {
        problems.append(
            Problem(file: file, position: at, severity: .error, message: "\(what), \(why), \(instead)"))
    }
}
