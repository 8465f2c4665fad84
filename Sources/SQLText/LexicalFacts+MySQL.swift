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
        if !out.effects.isEmpty { lockNames(slice, text, &out) }
        switch out.kind {
        case .select, .values, .declareCursor, .doBlock:
            out.writes = !calls || !isPlainQuery(slice, text)
            assignments(slice, text, &out)
        case .insert, .update, .delete: assignments(slice, text, &out)
        case .explain: explain(slice, text, calls, &out)
        case .set: mysqlSet(slice, text, &out)
        case .savepoint, .releaseSavepoint, .rollbackToSavepoint: savepoint(slice, text, &out)
        case .prepare, .execute, .deallocate:
            // The text of a prepared statement may come from a variable.
            out.writes = out.kind != .deallocate
            if word(slice, 1, text) == "immediate" { return out.mayDoAnything() }
            prepared(slice, text, out.kind, &out)
            if out.kind == .prepare, mayHaveEffects(slice, text) { out.effects.append(.mayCreate(.unknown)) }
        case .lock: locks(slice, text, &out)
        case .load:
            // `LOAD DATA … (a, @b) SET c = @b`
            if out.traits.contains(.usesUserVariables) { out.effects.append(.mayCreate(.userVariables)) }
        case .call: out.mayDoAnything()
        case .ddl: ddl(slice, text, &out)
        case .other, .unknown: other(slice, text, &out)
        case .empty, .merge, .begin, .commit, .rollback, .prepareTransaction, .commitPrepared, .rollbackPrepared,
            .setTransaction, .reset, .show, .discard, .listen, .unlisten, .notify, .closeCursor, .fetch, .copy, .vacuum:
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
    func assignments(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var found = false
        var from = slice.lowerBound
        for at in slice where at >= from {
            if tokens[at].kind == .symbol, tokens[at].count == 2, text.u8(at: Int(tokens[at].start)) == 0x3A {
                var start = at &- 1
                while start > slice.lowerBound, tokens[start].kind != .symbol { start &-= 1 }
                // Nothing else can be assigned to, except in routines.
                guard start >= slice.lowerBound, isAt(start, text) else { continue }
                found = true
                stores(start, at, text, &out)
            } else if text.isWord(tokens[at], "into"), at &+ 1 < slice.upperBound, isAt(at &+ 1, text) {
                found = true
                from = targets(at &+ 1, slice, text, &out)
            }
        }
        if found { out.effects.append(.mayCreate(.userVariables)) }
    }

    /// `@a, @b` behind `INTO`; the token behind them.
    private func targets(
        _ first: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder
    ) -> Int {
        var at = first
        while at < slice.upperBound, isAt(at, text) {
            var end = at &+ 1
            if end < slice.upperBound { end &+= 1 }
            while end &+ 1 < slice.upperBound, tokens[end].kind == .dot { end &+= 2 }
            stores(at, end, text, &out)
            guard end < slice.upperBound, tokens[end].kind == .comma else { return end }
            at = end &+ 1
        }
        return at
    }

    /// The user variable whose `@` is the first of these tokens gets a value.
    private func stores(_ first: Int, _ end: Int, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard first >= 0, first < end, isAt(first, text), tokens[first].count == 1,
            let name = userVariableName(first &+ 1..<end, text)
        else { return }
        let effect = SessionEffect.setComputed(name: "@" + name)
        // A statement may do it for each of a thousand columns.
        if out.effects.count < 64, !out.effects.contains(effect) { out.effects.append(effect) }
    }

    private func explain(_ slice: Range<Int>, _ text: RawSpan, _ calls: Bool, _ out: inout StatementBuilder) {
        let runs = word(slice, 0, text) == "analyze" || word(slice, 1, text) == "analyze"
        if runs {
            out.writes = !calls || !isPlainQuery(slice, text)
            assignments(slice, text, &out)
        } else {
            out.effects.removeAll()
            out.named.removeAll()
        }
    }

    private func ddl(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let second = word(slice, 1, text)
        switch word(slice, 0, text) {
        case "create":
            // `CREATE [OR REPLACE] TEMPORARY TABLE`
            let at = second == "or" ? 3 : 1
            guard word(slice, at, text) == "temporary" else { return }
            out.effects.append(.mayCreate(.temporaryTables))
            droppedOrMade(slice, from: at &+ 1, isReleased: false, text, &out)
        case "drop":
            switch second {
            case "table", "tables", "temporary", "sequence":
                if droppedOrMade(slice, from: second == "temporary" ? 2 : 1, isReleased: true, text, &out) {
                    out.effects.append(.mayRelease(.temporaryTables))
                }
            // If it is the session's own, it has none now.
            case "database", "schema": out.effects.append(.setComputed(name: "database"))
            default: break
            }
        case "alter", "rename": renamed(slice, text, &out)
        case "set":
            // MySQL: the resource group of a thread, by itself of this one.
            if second == "resource", slice.count == 4, let name = certainName(tokens[slice.upperBound &- 1], text) {
                let name = SQLValue.quotedName(name)
                out.effects.append(.set(name: "resource group", replay: Array("SET RESOURCE GROUP ".utf8) + name))
            }
        default: break
        }
    }

    func definesTable(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
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
        out.named.removeAll()
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
        case "xa": transactions(slice, text, &out)
        case "handler": handlers(slice, text, &out)
        case "backup": backup(slice, text, &out)
        case "kill": out.kill = KillStatement(tokens[slice], text)
        case "get": out.effects.append(.mayCreate(.userVariables))
        case "flush": flush(slice, text, &out)
        default:
            // What nobody knows may do anything.
            if out.kind == .unknown { out.mayDoAnything() }
        }
    }
}
