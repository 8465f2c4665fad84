internal import ByteKit

/// Says of a statement that is understood which class it belongs to, and what it is called: `CREATE TABLE`.
struct StatementClassifier {
    let options: LexerOptions

    /// How many words at the beginning are looked at.
    private static let looked = 8

    func classify(_ statement: Statement, in text: RawSpan) -> (class: StatementClass, operation: String) {
        guard statement.range.upperBound <= text.byteCount else { return (.unknown, "") }
        let (tokens, words) = head(text.extracting(statement.range))
        let operation = operation(words)
        return (decide(statement, words, tokens, text.extracting(statement.range)), operation)
    }

    /// The tokens of the statement, and its first words in lower case; what is no word is an empty one.
    private func head(_ text: RawSpan) -> (tokens: [Token], words: [String]) {
        var lexer = Lexer(options)
        var tokens: [Token] = []
        var words: [String] = []
        while tokens.count < 4096, let token = lexer.next(in: text) {
            // `(SELECT …) UNION …`
            if token.kind == .openParen, tokens.allSatisfy({ $0.kind == .openParen }) {
                tokens.append(token)
                continue
            }
            if words.count < Self.looked { words.append(token.kind == .word ? text.name(of: token) : "") }
            tokens.append(token)
        }
        return (tokens, words)
    }

    private func decide(
        _ statement: Statement, _ words: [String], _ tokens: [Token], _ text: RawSpan
    ) -> StatementClass {
        switch statement.kind {
        case .select, .values, .declareCursor, .fetch, .explain:
            if changesRows(tokens, text) { return .write }
            return .read
        case .show: return .read
        case .insert, .update, .delete, .merge: return touchesGrants(statement) ? .role : .write
        case .begin, .commit, .rollback, .savepoint, .releaseSavepoint, .rollbackToSavepoint, .prepareTransaction,
            .commitPrepared, .rollbackPrepared:
            return .tcl
        case .set: return isGlobal(words) ? .admin : .miscSet
        case .setTransaction, .reset: return .miscSet
        case .copy: return words.dropFirst().contains("from") && statement.writes ? .write : .read
        case .call, .doBlock: return .function
        case .execute: return word(words, 1) == "immediate" ? .function : .misc
        case .ddl: return definition(words, text, tokens)
        case .load: return options.dialect == .mysql && word(words, 1) != "index" ? .write : .misc
        case .empty, .discard, .prepare, .deallocate, .listen, .unlisten, .notify, .closeCursor, .lock, .vacuum:
            return .misc
        case .other: return other(words)
        case .unknown: return .unknown
        }
    }

    private func word(_ words: [String], _ at: Int) -> String { at < words.count ? words[at] : "" }

    /// A data-modifying `WITH`, or an `EXPLAIN ANALYZE` of what changes rows; `SELECT … INTO` a table or a file.
    private func changesRows(_ tokens: [Token], _ text: RawSpan) -> Bool {
        guard let first = tokens.first(where: { $0.kind != .openParen }) else { return false }
        if text.isWord(first, "select") || text.isWord(first, "values") || text.isWord(first, "table") {
            return intoSomething(tokens, text)
        }
        for (index, token) in tokens.enumerated() where token.kind == .word && index > 0 {
            let isVerb =
                text.isWord(token, "insert") || text.isWord(token, "update") || text.isWord(token, "delete")
                || text.isWord(token, "merge")
            guard isVerb else { continue }
            // `FOR UPDATE`, `ON UPDATE` and a column of that name are none.
            let before = tokens[index &- 1]
            let begins =
                before.kind == .openParen || before.kind == .closeParen || text.isWord(before, "analyze")
                || text.isWord(before, "verbose") || text.isWord(before, "for") && text.isWord(first, "set")
            if begins, text.isWord(first, "with") || text.isWord(first, "declare") || runs(tokens, text) { return true }
        }
        return false
    }

    private func runs(_ tokens: [Token], _ text: RawSpan) -> Bool {
        tokens.prefix(12).contains { text.isWord($0, "analyze") }
    }

    private func intoSomething(_ tokens: [Token], _ text: RawSpan) -> Bool {
        for (index, token) in tokens.enumerated() where text.isWord(token, "into") {
            guard index &+ 1 < tokens.count else { return false }
            let next = tokens[index &+ 1]
            if options.dialect == .postgres { return true }
            return text.isWord(next, "outfile") || text.isWord(next, "dumpfile")
        }
        return false
    }

    /// MySQL's grants are rows of tables.
    private func touchesGrants(_ statement: Statement) -> Bool {
        guard options.dialect == .mysql else { return false }
        let grants: Set<String> = [
            "mysql.user", "mysql.global_priv", "mysql.db", "mysql.tables_priv", "mysql.columns_priv",
            "mysql.procs_priv", "mysql.proxies_priv", "mysql.role_edges", "mysql.default_roles", "mysql.roles_mapping",
        ]
        return statement.tables.contains { grants.contains($0.lowercased()) }
    }

    /// `SET GLOBAL`, `SET PERSIST`, `SET @@global.x`, anywhere among the first words.
    private func isGlobal(_ words: [String]) -> Bool {
        options.dialect == .mysql && words.contains { $0 == "global" || $0 == "persist" || $0 == "persist_only" }
    }

    private func definition(_ words: [String], _ text: RawSpan, _ tokens: [Token]) -> StatementClass {
        let second = word(words, 1)
        switch word(words, 0) {
        case "grant", "revoke", "reassign": return .role
        case "truncate": return .write
        case "set": return second == "resource" ? .misc : .role
        case "alter" where second == "default" || second == "system":
            return second == "default" ? .role : .admin
        case "drop" where second == "owned": return .role
        case "create", "alter", "drop", "rename":
            // `CREATE OR REPLACE USER`, `CREATE USER IF NOT EXISTS`, `DROP ROLE`, `CREATE USER MAPPING`.
            let at = second == "or" ? 3 : 1
            return ["user", "role", "group"].contains(word(words, at)) ? .role : .ddl
        default: return .ddl
        }
    }

    private func other(_ words: [String]) -> StatementClass {
        guard options.dialect == .mysql else { return .misc }
        switch word(words, 0) {
        case "xa": return .tcl
        case "handler": return .read
        case "binlog", "import": return .write
        case "get", "signal", "resignal", "cache": return .misc
        default: return .admin
        }
    }

    /// The verb, and for definitions what is defined.
    private func operation(_ words: [String]) -> String {
        guard let first = words.first, !first.isEmpty else { return "" }
        let verb = first.uppercased()
        guard ["create", "alter", "drop", "rename", "comment"].contains(first) else {
            switch (first, word(words, 1)) {
            case ("start", "transaction"), ("set", "transaction"), ("set", "password"), ("lock", "tables"),
                ("unlock", "tables"), ("set", "role"), ("load", "data"), ("rollback", "to"), ("execute", "immediate"):
                return verb + " " + word(words, 1).uppercased()
            default: return verb
            }
        }
        let modifiers: Set<String> = [
            "or", "replace", "temporary", "temp", "global", "local", "unlogged", "unique", "definer", "algorithm",
            "online", "offline", "fulltext", "spatial", "aggregate", "recursive", "trusted", "procedural", "constraint",
            "on",
        ]
        guard let kind = words.dropFirst().first(where: { !modifiers.contains($0) && !$0.isEmpty }) else { return verb }
        switch kind {
        case "materialized": return verb + " MATERIALIZED VIEW"
        case "event" where words.contains("trigger"): return verb + " EVENT TRIGGER"
        case "user" where words.contains("mapping"): return verb + " USER MAPPING"
        case "default": return verb + " DEFAULT PRIVILEGES"
        case "foreign": return words.contains("data") ? verb + " FOREIGN DATA WRAPPER" : verb + " FOREIGN TABLE"
        case "access": return verb + " ACCESS METHOD"
        case "text": return verb + " TEXT SEARCH"
        case "operator": return verb + " OPERATOR"
        default: return verb + " " + kind.uppercased()
        }
    }
}
