/// The few statements the model server understands, each written as real SQL so that the proxy reads them too.
enum ModelStatement: Equatable {
    case literal(String)
    case parameter
    case series(Int)
    case divideByZero
    case sleep
    case lock
    case unlock
    case setConfig(String, String)
    case probe
    case sessionSettings
    case unknownColumn
    case show(String)
    case set(String, String, isLocal: Bool)
    case reset(String)
    case resetAll
    case discardAll
    case begin
    case commit
    case rollback
    case savepoint(String)
    case rollbackTo(String)
    case release(String)
    case createTemp(String)
    case drop(String)
    case copyIn
    case copyOut
    case prepare(String, String)
    case execute(String)
    case deallocate(String)
    case deallocateAll

    var endsTransaction: Bool {
        switch self {
        case .commit, .rollback, .rollbackTo: true
        default: false
        }
    }

    /// The name of its one result column; nil if it returns no rows.
    var column: String? {
        switch self {
        case .literal, .parameter: "text"
        case .series: "series"
        case .divideByZero: "quotient"
        case .sleep: "pg_sleep"
        case .lock: "pg_advisory_lock"
        case .unlock: "pg_advisory_unlock"
        case .setConfig: "set_config"
        case .show(let name): name
        default: nil
        }
    }
}

/// An error of the model: SQLSTATE and text.
struct ModelError: Error, Equatable {
    let sqlstate: String
    let message: String
}

extension ModelStatement {
    static func split(_ text: String) throws(ModelError) -> [(ModelStatement, String)] {
        var found: [(ModelStatement, String)] = []
        for piece in text.split(separator: ";", omittingEmptySubsequences: true) {
            let trimmed = String(piece.drop { $0 == " " })
            if trimmed.isEmpty { continue }
            found.append((try parse(trimmed), trimmed))
        }
        return found
    }

    private static func parse(_ text: String) throws(ModelError) -> ModelStatement {
        if text.hasPrefix("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class") { return .probe }
        if text.hasPrefix("SELECT name, setting FROM pg_catalog.pg_settings") { return .sessionSettings }
        let words = words(text)
        let first = words.first?.lowercased() ?? ""
        let second = words.count > 1 ? words[1] : ""
        switch first {
        case "select": return try select(text, Array(words.dropFirst()))
        case "show": return .show(second)
        case "set":
            let isLocal = second.lowercased() == "local"
            let rest = Array(words.dropFirst(isLocal ? 2 : 1))
            guard rest.count == 3 else { throw syntax(text) }
            return .set(rest[0], rest[2], isLocal: isLocal)
        case "reset": return second.lowercased() == "all" ? .resetAll : .reset(second)
        case "discard": return .discardAll
        case "begin": return .begin
        case "commit": return .commit
        case "rollback": return words.count > 1 ? .rollbackTo(words[words.count - 1]) : .rollback
        case "savepoint": return .savepoint(second)
        case "release": return .release(words[words.count - 1])
        case "create": return .createTemp(words[3])
        case "drop": return .drop(words[2])
        case "copy": return words[2].lowercased() == "from" ? .copyIn : .copyOut
        case "prepare":
            guard let body = text.firstRange(of: " AS ") else { throw syntax(text) }
            return .prepare(second, String(text[body.upperBound...]))
        case "execute": return .execute(second)
        case "deallocate": return second.lowercased() == "all" ? .deallocateAll : .deallocate(second)
        case "unlisten": return .resetNothing
        default: throw syntax(first)
        }
    }

    private static var resetNothing: ModelStatement { .reset("nothing") }

    private static func select(_ text: String, _ words: [String]) throws(ModelError) -> ModelStatement {
        let head = words.first ?? ""
        if text.contains("set_config(") { return .setConfig(words[words.count - 3], words[words.count - 2]) }
        if text.contains("pg_sleep") { return .sleep }
        if text.contains("pg_advisory_lock") { return .lock }
        if text.contains("pg_advisory_unlock") { return .unlock }
        if text.contains("generate_series") { return .series(Int(words[words.count - 1]) ?? 0) }
        if text.contains("1/0") { return .divideByZero }
        if text.contains("nope") { return .unknownColumn }
        if head.hasPrefix("$") { return .parameter }
        return .literal(head)
    }

    private static func syntax(_ near: String) -> ModelError {
        ModelError(sqlstate: "42601", message: "syntax error at or near \"\(near)\"")
    }

    /// Words, quoted identifiers and string literals, without their quotes; punctuation only separates, `=` is a word.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var current: [UInt8] = []
        var quote: UInt8?
        func flush() {
            if !current.isEmpty { words.append(String(decoding: current, as: UTF8.self)) }
            current = []
        }
        for byte in text.utf8 {
            if let open = quote {
                if byte == open {
                    words.append(String(decoding: current, as: UTF8.self))
                    current = []
                    quote = nil
                } else {
                    current.append(byte)
                }
                continue
            }
            switch byte {
            case 0x27, 0x22:
                flush()
                quote = byte
            case 0x20, 0x2C, 0x28, 0x29: flush()
            case 0x3D:
                flush()
                words.append("=")
            case 0x3A: flush()
            default: current.append(byte)
            }
        }
        flush()
        return words
    }
}

extension String {
    func firstRange(of other: String) -> Range<String.Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(other) { return index..<self.index(index, offsetBy: other.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
