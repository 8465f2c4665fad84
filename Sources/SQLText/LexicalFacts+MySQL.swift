internal import ByteKit

/// MySQL and MariaDB. A query reads only if it is nothing but a query: no lock, no `INTO`, no assignment, and no function
/// beyond the built-in ones that surely change nothing. The body of `/*! … */` counts as code, since some server runs it.
extension LexicalFacts {
    func readMySQL(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        out.kind = mysqlKind(slice, text)
        out.writes = PostgresFacts.alwaysWrites(out.kind)
        mysqlTraits(slice, text, &out)
        // What a `CREATE TABLE … SELECT` calls runs now, what a routine or a view calls runs later.
        let runs = out.kind != .ddl || contains(slice, text, "select") && definesTable(slice, text)
        var calls = true
        collect(slice, text, &out) { plain, schema, out in
            guard runs else { return }
            if schema != nil || !MySQLFunctions.isReadOnly(plain) { calls = false }
            if let effect = MySQLFunctions.effect(plain) { out.effects.append(effect) }
        }
        switch out.kind {
        case .select, .values, .declareCursor, .doBlock:
            out.writes = !calls || !isPlainQuery(slice, text)
            assignments(slice, text, &out)
        case .insert, .update, .delete: assignments(slice, text, &out)
        case .explain: explain(slice, text, calls, &out)
        case .set: set(slice, text, &out)
        case .savepoint, .releaseSavepoint, .rollbackToSavepoint: savepoint(slice, text, &out)
        case .prepare, .execute, .deallocate:
            // The text of a prepared statement may come from a variable.
            out.writes = out.kind != .deallocate
            if word(slice, 1, text) == "immediate" { return out.mayDoAnything() }
            prepared(slice, text, out.kind, &out)
            if out.kind == .prepare, mayHaveEffects(slice, text) { out.effects.append(.mayCreate(.unknown)) }
        case .lock:
            let unlocks = word(slice, 0, text) == "unlock"
            out.effects.append(unlocks ? .mayRelease(.tableLocks) : .mayCreate(.tableLocks))
        case .call: out.mayDoAnything()
        case .ddl: ddl(slice, text, &out)
        case .other, .unknown: other(slice, text, &out)
        case .empty, .merge, .begin, .commit, .rollback, .prepareTransaction, .commitPrepared, .rollbackPrepared,
            .setTransaction, .reset, .show, .discard, .listen, .unlisten, .notify, .closeCursor, .fetch, .copy, .vacuum,
            .load:
            break
        }
    }

    private func mysqlKind(_ slice: Range<Int>, _ text: RawSpan) -> StatementKind {
        let second = word(slice, 1, text)
        switch word(slice, 0, text) {
        case "begin": return second == "not" ? .call : .begin
        case "set":
            if second == "password" || second == "default" || second == "resource" { return .ddl }
            if second == "statement" { return .other }
            return second == "transaction" ? .setTransaction : .set
        case "use": return .set
        case "drop" where second == "prepare": return .deallocate
        case "desc", "describe", "explain": return .explain
        case "help": return .show
        case "analyze":
            // MariaDB's ANALYZE of a statement runs it.
            return ["table", "no_write_to_binlog", "local"].contains(second) ? .vacuum : .explain
        case "optimize", "repair", "check", "checksum": return .vacuum
        case "listen", "unlisten", "notify", "discard", "copy", "vacuum", "move", "abort", "end", "cluster", "comment":
            return .unknown
        case "reset", "flush", "kill", "purge", "change", "stop", "install", "uninstall", "xa", "handler", "binlog",
            "cache", "shutdown", "restart", "clone", "signal", "resignal", "get", "import":
            return .other
        default: return kind(slice, text)
        }
    }

    /// Nothing in a query that locks, stores or assigns.
    private func isPlainQuery(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
        for at in slice {
            let token = tokens[at]
            if token.kind == .symbol, token.count == 2, text.u8(at: Int(token.start)) == UInt8(ascii: ":") {
                return false
            }
            guard token.kind == .word else { continue }
            switch text.name(of: token) {
            case "into", "insert", "update", "delete", "replace", "share", "sql_calc_found_rows", "procedure":
                // A function or a column of that name is no harm, but rare.
                if at &+ 1 < slice.upperBound, tokens[at &+ 1].kind == .openParen { continue }
                return false
            case "next", "previous":
                if at &+ 1 < slice.upperBound, text.isWord(tokens[at &+ 1], "value") { return false }
            default: continue
            }
        }
        return true
    }

    /// `@v := …` and `INTO @v` leave a variable behind whose value is not known here.
    private func assignments(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        for at in slice.dropLast() {
            let token = tokens[at]
            let assigns = token.kind == .symbol && token.count == 2 && text.u8(at: Int(token.start)) == 0x3A
            let stores =
                text.isWord(token, "into") && tokens[at &+ 1].kind == .symbol
                && text.u8(at: Int(tokens[at &+ 1].start)) == UInt8(ascii: "@")
            if assigns || stores { return out.effects.append(.mayCreate(.unknown)) }
        }
    }

    private func explain(_ slice: Range<Int>, _ text: RawSpan, _ calls: Bool, _ out: inout StatementBuilder) {
        let runs = word(slice, 0, text) == "analyze" || word(slice, 1, text) == "analyze"
        if runs {
            out.writes = !calls || !isPlainQuery(slice, text)
            assignments(slice, text, &out)
        } else {
            out.effects.removeAll()
        }
    }

    private func ddl(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        switch word(slice, 0, text) {
        case "create":
            if firstOutside(slice, text, ["temporary"]) != nil { out.effects.append(.mayCreate(.temporaryTables)) }
        case "drop": out.effects.append(.mayRelease(.temporaryTables))
        default: break
        }
    }

    private func definesTable(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
        guard word(slice, 0, text) == "create" else { return false }
        let what = firstOutside(slice, text, from: 1, ["table", "view", "procedure", "function", "trigger", "event"])
        return what.map { word(slice, $0, text) == "table" } ?? false
    }

    /// Whether the statement in `PREPARE p FROM '…'` does anything to the session, which `EXECUTE` will not show. A text
    /// in a variable, or one that has to be unescaped first, may.
    private func mayHaveEffects(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
        let last = tokens[slice.upperBound &- 1]
        guard slice.count == 4, last.kind == .string, last.count >= 2 else { return true }
        let inner = text.extracting(Int(last.start) &+ 1..<Int(last.end) &- 1)
        let quote = text.u8(at: Int(last.start))
        for special in [quote, UInt8(ascii: "\\")]
        where inner.firstIndex(of: special, from: 0, to: inner.byteCount) != nil {
            return true
        }
        var lexer = Lexer(options)
        var found: [Token] = []
        while let token = lexer.next(in: inner) { found.append(token) }
        let statements = LexicalFacts(tokens: found, options: options).statements(in: inner).list
        return lexer.isAmbiguous || statements.contains { !$0.effects.isEmpty || $0.kind == .prepare }
    }

    /// `SET STATEMENT a = 1 FOR …` of MariaDB: the settings end with the statement behind them.
    private func forStatement(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard let at = firstOutside(slice, text, ["for"]), slice.lowerBound &+ at &+ 1 < slice.upperBound else {
            return out.mayDoAnything()
        }
        // What the inner statement calls is found again.
        out.effects.removeAll()
        if tokens[slice.lowerBound..<slice.lowerBound &+ at].contains(where: { $0.kind == .openParen }) {
            out.mayDoAnything()
        }
        readMySQL(slice.lowerBound &+ at &+ 1..<slice.upperBound, text, &out)
        // Replays, places and names are those of the inner statement; it runs under other settings than it would alone.
        out.writes = true
    }

    private func other(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        switch word(slice, 0, text) {
        case "set": forStatement(slice, text, &out)
        case "xa", "handler", "backup": out.effects.append(.mayCreate(.unknown))
        case "flush":
            if contains(slice, text, "lock") || contains(slice, text, "export") {
                out.effects.append(.mayCreate(.tableLocks))
            }
        default:
            // What nobody knows may do anything.
            if out.kind == .unknown { out.mayDoAnything() }
        }
    }

    // MARK: SET

    /// Each assignment of a `SET` is an effect of its own, replayed by itself.
    private func set(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        if word(slice, 0, text) == "use" {
            return out.effects.append(.set(name: "database", replay: bytes(slice, text)))
        }
        switch word(slice, 1, text) {
        case "names", "character", "charset":
            return out.effects.append(.set(name: "names", replay: bytes(slice, text)))
        case "role": return out.effects.append(.set(name: "role", replay: bytes(slice, text)))
        case "session", "local":
            if word(slice, 2, text) == "transaction" { return transactionModes(slice, text, &out) }
        default: break
        }
        var scope = ""
        var first = slice.lowerBound &+ 1
        var depth = 0
        for at in first...max(first, slice.upperBound) {
            if at < slice.upperBound {
                if tokens[at].kind == .openParen { depth &+= 1 }
                if tokens[at].kind == .closeParen { depth &-= 1 }
                guard tokens[at].kind == .comma, depth == 0 else { continue }
            }
            if first < at { assignment(first..<at, text, &scope, &out) }
            first = at &+ 1
        }
    }

    private func transactionModes(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        if contains(slice, text, "isolation") {
            out.effects.append(.set(name: "transaction_isolation", replay: bytes(slice, text)))
        }
        if contains(slice, text, "read"), contains(slice, text, "only") || contains(slice, text, "write") {
            out.effects.append(.set(name: "transaction_read_only", replay: bytes(slice, text)))
        }
    }

    /// `name = value`, `SESSION name = value`, `@@session.name = value`, `@name := value`.
    ///
    /// A scope given as a word holds for the assignments behind it too, one given with `@@` only for its own.
    private func assignment(
        _ slice: Range<Int>, _ text: RawSpan, _ carried: inout String, _ out: inout StatementBuilder
    ) {
        var at = slice.lowerBound
        var isVariable = false
        if tokens[at].kind == .symbol {
            isVariable = tokens[at].count == 1
            at &+= 1
        }
        var scope = isVariable ? "" : carried
        if !isVariable, at &+ 1 < slice.upperBound, tokens[at].kind == .word,
            ["global", "session", "local", "persist", "persist_only"].contains(text.name(of: tokens[at]))
        {
            scope = text.name(of: tokens[at])
            let isDotted = tokens[at &+ 1].kind == .dot
            if !isDotted { carried = scope }
            at &+= isDotted ? 2 : 1
        }
        guard at < slice.upperBound, tokens[at].isName || tokens[at].kind == .string else {
            return out.effects.append(.mayCreate(.unknown))
        }
        if ["global", "persist", "persist_only"].contains(scope) {
            out.writes = true
            return
        }
        let name = text.name(of: tokens[at])
        if scope.isEmpty, at > slice.lowerBound, !isVariable, Self.ofTransaction.contains(name) {
            // `@@transaction_isolation` without a scope is that of the next transaction only.
            out.traits.insert(.nextTransaction)
            return
        }
        let value = slice.dropFirst(at &- slice.lowerBound &+ 2)
        if value.contains(where: { isComputed($0, text, isVariable: isVariable) }) || Self.once.contains(name) {
            out.effects.append(.setComputed(name: isVariable ? "@" + name : name))
            out.effects.append(.mayCreate(.unknown))
            return
        }
        let replay = Array("SET ".utf8) + bytes(slice, text)
        out.effects.append(.set(name: isVariable ? "@" + name : name, replay: replay))
    }

    private static let ofTransaction: Set = [
        "transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only",
    ]

    /// Variables that hold for the next statement, or that change by themselves.
    private static let once: Set = [
        "insert_id", "last_insert_id", "identity", "rand_seed1", "rand_seed2", "gtid_next", "pseudo_thread_id",
        "gtid_seq_no", "gtid_domain_id", "server_id",
    ]

    /// Whether a value cannot be told from the text. A bare word is the name of a value for a system variable; for a user
    /// variable it may be a function without brackets (`CURRENT_TIMESTAMP`).
    private func isComputed(_ at: Int, _ text: RawSpan, isVariable: Bool) -> Bool {
        let token = tokens[at]
        switch token.kind {
        case .openParen, .parameter, .unterminated: return true
        case .symbol: return isAt(at, text)
        case .word:
            return isVariable && !text.isWord(token, "null") && !text.isWord(token, "true")
                && !text.isWord(token, "false")
        case .quotedIdentifier: return isVariable
        case .string, .number, .cast, .comma, .dot, .semicolon, .closeParen, .openBracket, .closeBracket: return false
        }
    }

    private func isAt(_ at: Int, _ text: RawSpan) -> Bool {
        text.u8(at: Int(tokens[at].start)) == UInt8(ascii: "@")
    }
}
