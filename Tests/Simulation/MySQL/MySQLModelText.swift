import MySQLWire

/// The words of a statement the model server reads.
struct MySQLModelText {
    enum Kind { case word, string, number, quoted, symbol, end }
    struct Token {
        let kind: Kind
        /// What it means, words in lower case.
        let text: String
        let start: Int
        let end: Int
    }

    let bytes: [UInt8]
    private(set) var tokens: [Token] = []
    private(set) var at = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
        var position = 0
        while let token = Self.token(bytes, &position) { tokens.append(token) }
        tokens.append(Token(kind: .end, text: "", start: bytes.count, end: bytes.count))
    }

    private static func token(_ bytes: [UInt8], _ position: inout Int) -> Token? {
        while position < bytes.count, bytes[position] == 0x20 { position += 1 }
        guard position < bytes.count else { return nil }
        let start = position
        let first = bytes[position]
        func run(while holds: (UInt8) -> Bool) -> String {
            while position < bytes.count, holds(bytes[position]) { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        func isWord(_ byte: UInt8) -> Bool { Character(UnicodeScalar(byte)).isLetter || byte == 0x5F || isDigit(byte) }
        func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
        switch first {
        case 0x27, 0x60:
            position += 1
            var text: [UInt8] = []
            while position < bytes.count {
                if bytes[position] == first {
                    position += 1
                    guard position < bytes.count, bytes[position] == first else { break }
                }
                text.append(bytes[position])
                position += 1
            }
            return Token(
                kind: first == 0x27 ? .string : .quoted, text: String(decoding: text, as: UTF8.self), start: start,
                end: position)
        case _ where isDigit(first):
            let text = run(while: isWord)
            return Token(kind: .number, text: text, start: start, end: position)
        case _ where isWord(first):
            let text = run(while: isWord).lowercased()
            return Token(kind: .word, text: text, start: start, end: position)
        default:
            position += 1
            let text = String(UnicodeScalar(first))
            return Token(kind: .symbol, text: text, start: start, end: position)
        }
    }

    var next: Token { tokens[at] }
    var isAtEnd: Bool { next.kind == .end }

    func source(_ from: Int, _ to: Int) -> String { String(decoding: bytes[from..<to], as: UTF8.self) }

    /// Where the token before ends.
    var passed: Int { at == 0 ? 0 : tokens[at - 1].end }

    @discardableResult
    mutating func take() -> Token {
        defer { if at + 1 < tokens.count { at += 1 } }
        return tokens[at]
    }

    /// Takes a word or symbol if it comes next.
    mutating func skip(_ text: String) -> Bool {
        guard next.text == text, next.kind == .word || next.kind == .symbol else { return false }
        take()
        return true
    }

    /// Takes these words if they come next.
    mutating func skip(words: String) -> Bool {
        let wanted = words.split(separator: " ")
        for (offset, word) in wanted.enumerated()
        where at + offset >= tokens.count || tokens[at + offset].text != word || tokens[at + offset].kind == .string {
            return false
        }
        for _ in wanted { take() }
        return true
    }

    /// A name, quoted or not.
    mutating func name() -> String? {
        guard next.kind == .quoted || next.kind == .word else { return nil }
        let token = take()
        return token.kind == .quoted ? token.text : source(token.start, token.end)
    }

    /// The statements of a text.
    static func split(_ text: String) -> [String] {
        let all = MySQLModelText(text)
        var found: [String] = []
        var start = 0
        for token in all.tokens where token.kind == .end || token.kind == .symbol && token.text == ";" {
            let piece = all.source(start, token.start)
            if piece.contains(where: { $0 != " " }) { found.append(piece) }
            start = token.end
        }
        return found
    }
}

/// What statements compute.
extension MySQLModel {
    /// An expression, as far as the model knows any: values are strings, nil is NULL. `runs` is false while a statement is
    /// only prepared.
    func expression(_ text: inout MySQLModelText, runs: Bool) throws(MySQLError) -> String? {
        var value = try operand(&text, runs)
        while true {
            if text.skip("+") {
                value = String(integer(value) + integer(try operand(&text, runs)))
            } else if text.skip("|") {
                value = String(integer(value) | integer(try operand(&text, runs)))
            } else if text.skip("=") {
                value = integer(value) == integer(try operand(&text, runs)) ? "1" : "0"
            } else if text.skip("collate") {
                text.take()
            } else {
                return value
            }
        }
    }

    private func integer(_ value: String?) -> Int {
        let text = value ?? ""
        return Int(text.prefix { $0.isNumber || $0 == "-" }) ?? 0
    }

    private func operand(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) -> String? {
        let token = text.take()
        switch token.kind {
        case .string, .number: return token.text
        case .symbol:
            switch token.text {
            case "-": return "-" + text.take().text
            case "(":
                _ = text.skip("select")
                let value = try expression(&text, runs: runs)
                guard text.skip(")") else { throw syntax(text) }
                return value
            case "?": return parameter
            case "@": return try variable(&text)
            default: throw syntax(text)
            }
        case .word: return try word(token, &text, runs)
        case .quoted, .end: throw syntax(text)
        }
    }

    private func variable(_ text: inout MySQLModelText) throws(MySQLError) -> String? {
        guard text.skip("@") else {
            guard let name = text.name() else { throw syntax(text) }
            return session.userVariables[name.lowercased()] ?? nil
        }
        let isGlobal = text.skip("global")
        if isGlobal || text.skip("session") { _ = text.skip(".") }
        guard let name = text.name()?.lowercased() else { throw syntax(text) }
        switch name {
        case "warning_count": return String(session.conditions.count)
        case "error_count": return String(session.conditions.filter { $0.level == "Error" }.count)
        case "last_insert_id", "identity": return String(session.lastInsertID)
        default: break
        }
        guard let value = isGlobal ? MySQLModelSession.defaults[name] : session.shown(name) else {
            throw MySQLError(1193, "HY000", "Unknown system variable '\(name)'")
        }
        return value
    }

    private func word(
        _ token: MySQLModelText.Token, _ text: inout MySQLModelText, _ runs: Bool
    ) throws(MySQLError) -> String? {
        if token.text == "null" { return nil }
        if token.text.hasPrefix("_") { return try introduced(&text) }
        guard text.skip("(") else {
            throw MySQLError(1054, "42S22", "Unknown column '\(token.text)' in 'SELECT'")
        }
        var arguments: [String?] = []
        let start = text.next.start
        while !text.skip(")") {
            arguments.append(try expression(&text, runs: runs))
            if text.skip("as") {
                text.take()
                continue
            }
            _ = text.skip(",")
            if text.isAtEnd { throw syntax(text) }
        }
        if !runs { return nil }
        let first = arguments.first ?? nil
        switch token.text {
        case "cast":
            if let said = first, Int(said) == nil, !text.source(start, text.passed).hasSuffix("unsigned)") {
                warn(1292, "Truncated incorrect INTEGER value: '\(said)'")
            }
            return String(integer(first))
        case "if": return integer(first) != 0 ? arguments[1] : arguments[2]
        case "last_insert_id":
            if arguments.isEmpty { return String(session.lastInsertID) }
            session.lastInsertID = UInt64(integer(first))
            toldID = session.lastInsertID
            return first
        case "row_count": return String(session.rowCount)
        case "found_rows": return String(session.foundRows)
        case "database": return session.schema
        case "sleep": return wasKilled ? "1" : "0"
        case "get_lock":
            session.locks[first ?? "", default: 0] += 1
            return "1"
        case "release_lock":
            guard let count = session.locks[first ?? ""] else { return nil }
            session.locks[first ?? ""] = count > 1 ? count - 1 : nil
            return "1"
        case "release_all_locks":
            defer { session.locks = [:] }
            return String(session.locks.values.reduce(0, +))
        default: throw MySQLError(1305, "42000", "FUNCTION \(token.text) does not exist")
        }
    }

    /// `_utf8mb4'a'`, `_utf8mb4 0x41`, `_utf8mb4 X'41'`
    private func introduced(_ text: inout MySQLModelText) throws(MySQLError) -> String? {
        if text.skip("x") { return unhex(text.take().text) }
        let token = text.take()
        return token.kind == .number ? unhex(String(token.text.dropFirst(2))) : token.text
    }

    private func unhex(_ digits: String) -> String {
        let all = Array(digits)
        let bytes = stride(from: 0, to: all.count - 1, by: 2).map { UInt8(String(all[$0...($0 + 1)]), radix: 16) ?? 0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    func syntax(_ text: MySQLModelText) -> MySQLError {
        MySQLError(
            1064, "42000",
            "You have an error in your SQL syntax near '\(text.source(0, text.bytes.count))' at line 1")
    }
}
