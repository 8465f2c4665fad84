internal import ByteKit

/// `SET` in all its spellings. Each assignment is an effect of its own, under the one name of what it sets, and its replay
/// is complete: it means the same in a session with another `sql_mode`, and no replay undoes another's work whatever
/// their order (user variables last: `MySQLVariables.comesLast`).
extension LexicalFacts {
    func mysqlSet(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        if word(slice, 0, text) == "use" { return use(slice, text, &out) }
        switch word(slice, 1, text) {
        case "role": return role(slice, text, &out)
        case "session", "local":
            switch word(slice, 2, text) {
            case "transaction": return transactionModes(slice, text, &out)
            // MariaDB 12: another user.
            case "authorization": return out.effects.append(.mayCreate(.unknown))
            default: break
            }
        case "global":
            if word(slice, 2, text) == "transaction" {
                out.writes = true
                return
            }
        default: break
        }
        var scope = Scope.none
        var first = slice.lowerBound &+ 1
        var depth = 0
        for at in first...max(first, slice.upperBound) {
            if at < slice.upperBound {
                if tokens[at].kind == .openParen { depth &+= 1 }
                if tokens[at].kind == .closeParen { depth &-= 1 }
                guard tokens[at].kind == .comma, depth == 0 else { continue }
            }
            if first < at { item(first..<at, text, &scope, &out) }
            first = at &+ 1
        }
    }

    private enum Scope { case none, session, global }

    private func scope(_ token: Token, _ text: RawSpan) -> Scope? {
        guard token.kind == .word else { return nil }
        return switch text.name(of: token) {
        case "session", "local": .session
        case "global", "persist", "persist_only": .global
        default: nil
        }
    }

    private func use(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard slice.count == 2, tokens[slice.lowerBound &+ 1].isName,
            let name = certainName(tokens[slice.lowerBound &+ 1], text)
        else { return out.effects.append(.setComputed(name: "database")) }
        out.effects.append(.set(name: "database", replay: Array("USE ".utf8) + SQLValue.quotedName(name)))
    }

    /// Names of roles may be quoted in any way.
    private func role(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var replay: [UInt8] = Array("SET ROLE".utf8)
        for at in slice.dropFirst(2) {
            let token = tokens[at]
            let isHost = at > slice.lowerBound &+ 2 && isAt(at &- 1, text)
            if !isHost, !isAt(at, text), token.kind != .comma { replay.append(0x20) }
            switch token.kind {
            case .word, .symbol, .comma:
                if certainName(token, text) == nil { return out.effects.append(.setComputed(name: "role")) }
                unsafe text.extracting(token.range).withUnsafeBytes { unsafe replay.append(contentsOf: $0) }
            case .quotedIdentifier, .string:
                guard let name = certainName(token, text) else { return out.effects.append(.setComputed(name: "role")) }
                replay += SQLValue.quotedName(name)
            case .number, .parameter, .cast, .dot, .semicolon, .openParen, .closeParen, .openBracket, .closeBracket,
                .unterminated:
                return out.effects.append(.setComputed(name: "role"))
            }
        }
        out.effects.append(.set(name: "role", replay: replay))
    }

    /// `SET SESSION TRANSACTION …`
    private func transactionModes(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        if let at = firstOutside(slice, text, ["level"]) {
            let level = word(slice, at &+ 1, text) + (word(slice, at &+ 1, text) == "serializable" ? "" : " ")
            let second = level.hasSuffix(" ") ? word(slice, at &+ 2, text) : ""
            if let replay = TransactionMode.isolation(Array((level + second).utf8)) {
                out.effects.append(.set(name: "transaction_isolation", replay: replay))
            } else {
                out.effects.append(.setComputed(name: "transaction_isolation"))
            }
        }
        let isReadOnly = contains(slice, text, "only")
        if isReadOnly || contains(slice, text, "write"),
            let replay = TransactionMode.access([isReadOnly ? UInt8(ascii: "1") : UInt8(ascii: "0")])
        {
            out.effects.append(.set(name: "transaction_read_only", replay: replay))
        }
    }

    // MARK: Assignments

    /// `name = value`, `SESSION name = value`, `@@session.name = value`, `@name := value`, `NAMES …`.
    ///
    /// A scope given as a word holds for the assignments behind it too, one given with `@@` only for its own.
    private func item(
        _ slice: Range<Int>, _ text: RawSpan, _ carried: inout Scope, _ out: inout StatementBuilder
    ) {
        var at = slice.lowerBound
        guard let sign = slice.first(where: { isAssignment($0, text) }) else { return charsets(slice, text, &out) }
        let value = sign &+ 1..<slice.upperBound
        // As in `SET a = (SELECT @b := 1)`.
        assignments(value, text, &out)
        guard sign > at else { return out.effects.append(.mayCreate(.unknown)) }
        if isAt(at, text), tokens[at].count == 1 {
            return userVariable(at &+ 1..<sign, value, text, &out)
        }
        let isExplicit = isAt(at, text)
        if isExplicit { at &+= 1 }
        var scope = isExplicit ? Scope.none : carried
        if at &+ 1 < sign, let found = self.scope(tokens[at], text) {
            scope = found
            let isDotted = tokens[at &+ 1].kind == .dot
            if !isDotted { carried = found }
            at &+= isDotted ? 2 : 1
        }
        guard let name = dottedName(at..<sign, text) else { return out.effects.append(.mayCreate(.unknown)) }
        if scope == .global || name == "password" {
            out.writes = true
            return
        }
        systemVariable(name, value, text, isNext: isExplicit && scope == .none, &out)
    }

    private func isAssignment(_ at: Int, _ text: RawSpan) -> Bool {
        guard tokens[at].kind == .symbol else { return false }
        let bytes = text.extracting(tokens[at].range)
        return bytes.equals("=") || bytes.equals(":=")
    }

    /// `a`, `a.b`, each part perhaps quoted.
    private func dottedName(_ slice: Range<Int>, _ text: RawSpan) -> String? {
        var name = ""
        for at in slice {
            let isPart = (at &- slice.lowerBound) % 2 == 0
            guard isPart ? tokens[at].isName : tokens[at].kind == .dot else { return nil }
            name += isPart ? text.name(of: tokens[at]).lowercased() : "."
        }
        // No server has one that is not ASCII.
        return name.isEmpty || name.hasSuffix(".") || !name.utf8.allSatisfy({ $0 < 0x80 }) ? nil : name
    }

    private func systemVariable(
        _ name: String, _ value: Range<Int>, _ text: RawSpan, isNext: Bool, _ out: inout StatementBuilder
    ) {
        let variable = MySQLVariables.of(name)
        let isMode = variable.name == "transaction_isolation" || variable.name == "transaction_read_only"
        if isMode, isNext {
            // `@@transaction_isolation` without a scope is that of the next transaction only.
            out.traits.insert(.nextTransaction)
            return
        }
        let found = setValue(value, text, isVariable: false)
        switch variable.handling {
        case .readOnly: return
        case .once:
            out.traits.insert(variable.name == "last_insert_id" ? .setsLastInsertID : .setsForNext)
            return out.effects.append(.setComputed(name: variable.name))
        case .pins:
            out.effects.append(.setComputed(name: variable.name))
            return out.effects.append(.mayCreate(.unknown))
        case .replayedInParts:
            guard case .literal(_, let said) = found, let said,
                said.prefix(7).map({ $0 | 0x20 }) == Array("default".utf8)
            else { break }
            return assign(variable.name, name, found, &out)
        case .replayed, .ofConnection, .ofTracking: return assign(variable.name, name, found, &out)
        }
        if found == .byDefault { return assign(variable.name, name, found, &out) }
        out.effects.append(.setComputed(name: variable.name))
    }

    private func assign(
        _ one: String, _ name: String, _ value: SetValue, _ out: inout StatementBuilder
    ) {
        switch value {
        case .computed: out.effects.append(.setComputed(name: one))
        case .byDefault:
            // A session does not begin with the global value of the first of these, since its client has a say; the others
            // are off by `DEFAULT` and on by default.
            let isOdd =
                one.hasPrefix("character_set_") || one == "collation_connection" || one == "wait_timeout"
                || one == "foreign_key_checks" || one == "unique_checks"
            guard isOdd else { return out.effects.append(.reset(name: one)) }
            out.effects.append(.set(name: one, replay: Array("SET \(name) = DEFAULT".utf8)))
        case .literal(let literal, let said):
            switch one {
            case "transaction_isolation", "transaction_read_only":
                let mode = said ?? literal
                let replay =
                    one == "transaction_isolation" ? TransactionMode.isolation(mode) : TransactionMode.access(mode)
                out.effects.append(replay.map { .set(name: one, replay: $0) } ?? .setComputed(name: one))
            default:
                let replay = Array("SET ".utf8) + MySQLVariables.written(name) + Array(" = ".utf8) + literal
                out.effects.append(.set(name: one, replay: replay))
            }
        }
    }

    /// A value that is no literal cannot be asked for in a way that keeps its type and its character set, so it stays where
    /// it is.
    private func userVariable(
        _ slice: Range<Int>, _ value: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder
    ) {
        guard let name = userVariableName(slice, text) else {
            return out.effects.append(.mayCreate(.userVariables))
        }
        switch setValue(value, text, isVariable: true) {
        case .literal(let literal, _):
            let replay = Array("SET @".utf8) + SQLValue.quotedName(name) + Array(" = ".utf8) + literal
            out.effects.append(.set(name: "@" + name, replay: replay))
        case .byDefault, .computed:
            out.effects.append(.setComputed(name: "@" + name))
            out.effects.append(.mayCreate(.userVariables))
        }
    }

    /// The name behind `@` in lower case; nil if it is not ASCII, since which letters are one there hangs on the server.
    func userVariableName(_ slice: Range<Int>, _ text: RawSpan) -> String? {
        guard let first = slice.first, let last = slice.last else { return nil }
        let name: String
        if slice.count == 1, tokens[first].kind == .quotedIdentifier || tokens[first].kind == .string {
            guard let quoted = text.unquoted(tokens[first]) else { return nil }
            name = quoted.lowercased()
        } else {
            // Dots and digits are part of it: `@a.b`, `@1`.
            let range = Int(tokens[first].start)..<Int(tokens[last].end)
            for at in range
            where !CharacterClass.continuesWord(text.u8(at: at)) && text.u8(at: at) != UInt8(ascii: ".") {
                return nil
            }
            name = text.string(range).lowercased()
        }
        return name.utf8.allSatisfy { $0 < 0x80 && $0 >= 0x20 } ? name : nil
    }

    // MARK: Character sets

    /// `NAMES x [COLLATE y]`, `CHARACTER SET x`, `CHARSET x`: three variables at once, so three effects.
    private func charsets(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var rest = slice.dropFirst()
        let first = word(slice, 0, text)
        if first == "character" || first == "char", word(slice, 1, text) == "set" { rest = rest.dropFirst() }
        guard first == "names" || rest.count < slice.count &- 1 || first == "charset" else {
            return out.effects.append(.mayCreate(.unknown))
        }
        let isNames = first == "names"
        var name: String?
        var collation: String?
        if let at = rest.first { name = charsetName(tokens[at], text) }
        if rest.count == 3, isNames, text.isWord(tokens[rest.lowerBound &+ 1], "collate") {
            collation = charsetName(tokens[rest.lowerBound &+ 2], text)
        } else if rest.count != 1 {
            name = nil
        }
        guard let name else {
            for name in ["character_set_client", "character_set_results", "collation_connection"] {
                out.effects.append(.setComputed(name: name))
            }
            return
        }
        let isDefault = name == "default"
        let written = isDefault ? "@@global.character_set_client" : "'\(name)'"
        func add(_ one: String, _ variable: String, _ value: String) {
            out.effects.append(.set(name: one, replay: Array("SET \(variable) = \(value)".utf8)))
        }
        add("character_set_client", "character_set_client", written)
        add("character_set_results", "character_set_results", written)
        if !isNames {
            // `SET CHARACTER SET` takes the database's collation, whichever that is now.
            out.effects.append(.setComputed(name: "collation_connection"))
        } else if let collation, collation != "default" {
            // MariaDB's collations that go with several character sets are named without one.
            let whole = collation.hasPrefix("uca1400_") ? name + "_" + collation : collation
            add("collation_connection", "collation_connection", "'\(whole)'")
        } else {
            add("collation_connection", "character_set_connection", written)
        }
    }

    /// A name of letters, digits and underscores in lower case.
    private func charsetName(_ token: Token, _ text: RawSpan) -> String? {
        guard token.isName || token.kind == .string, let name = text.unquoted(token)?.lowercased(), !name.isEmpty,
            name.utf8.allSatisfy({ CharacterClass.continuesWord($0) && $0 < 0x80 })
        else { return nil }
        return name
    }

    func isAt(_ at: Int, _ text: RawSpan) -> Bool {
        tokens[at].kind == .symbol && text.u8(at: Int(tokens[at].start)) == UInt8(ascii: "@")
    }
}
