internal import ByteKit

/// Facts from tokens alone: for what libpg_query does not know, and for MySQL, which has no parser to be used as a
/// library. Whatever is not surely harmless writes.
struct LexicalFacts {
    let tokens: [Token]
    let options: LexerOptions

    /// The statements of a text.
    func statements(in text: RawSpan) -> (list: [Statement], copies: Bool) {
        var list: [Statement] = []
        var copies = false
        var splitter = StatementSplitter(tokens, dialect: options.dialect)
        while let slice = splitter.statement(in: text) {
            var builder = StatementBuilder()
            switch options.dialect {
            case .postgres: readPostgres(slice, text, &builder)
            case .mysql: readMySQL(slice, text, &builder)
            }
            copies = copies || builder.copies
            let range = Int(tokens[slice.lowerBound].start)..<Int(tokens[slice.upperBound &- 1].end)
            let reads = options.dialect == .mysql ? sessionReads(slice, text, builder) : nil
            list.append(builder.statement(range, reads: reads))
        }
        return (list, copies)
    }

    // MARK: Words

    /// The unquoted word at an index of a statement, in lower case; empty if there is none.
    func word(_ slice: Range<Int>, _ at: Int, _ text: RawSpan) -> String {
        let index = slice.lowerBound &+ at
        guard at >= 0, index < slice.upperBound, tokens[index].kind == .word else { return "" }
        return text.name(of: tokens[index])
    }

    /// The name at an index of a statement; empty if there is none.
    func name(_ slice: Range<Int>, _ at: Int, _ text: RawSpan) -> String {
        let index = slice.lowerBound &+ at
        guard at >= 0, index < slice.upperBound, tokens[index].isName else { return "" }
        return text.name(of: tokens[index])
    }

    /// Whether a word stands anywhere in a statement.
    func contains(_ slice: Range<Int>, _ text: RawSpan, _ word: StaticString) -> Bool {
        tokens[slice].contains { text.isWord($0, word) }
    }

    /// The offset in a statement of the first of `words` that stands outside of brackets.
    func firstOutside(_ slice: Range<Int>, _ text: RawSpan, from: Int = 0, _ words: Set<String>) -> Int? {
        var depth = 0
        for at in slice.dropFirst(from) {
            switch tokens[at].kind {
            case .openParen: depth &+= 1
            case .closeParen: depth &-= 1
            case .word where depth == 0 && words.contains(text.name(of: tokens[at])): return at &- slice.lowerBound
            default: break
            }
        }
        return nil
    }

    /// The bytes of a range of tokens.
    func bytes(_ slice: Range<Int>, _ text: RawSpan) -> [UInt8] {
        text.extracting(Int(tokens[slice.lowerBound].start)..<Int(tokens[slice.upperBound &- 1].end)).toArray()
    }

    // MARK: Names

    /// Collects the relations after the words that name one, and hands each call to `call`.
    func collect(
        _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder,
        call: (_ name: String, _ schema: String?, _ out: inout StatementBuilder) -> Void
    ) {
        for at in slice where tokens[at].isName && at &+ 1 < slice.upperBound {
            if tokens[at &+ 1].kind == .openParen, namesFunction(at, slice, text) {
                let plain = text.name(of: tokens[at])
                let hasSchema = at >= slice.lowerBound &+ 2 && tokens[at &- 1].kind == .dot && tokens[at &- 2].isName
                let schema = hasSchema ? text.name(of: tokens[at &- 2]) : nil
                out.addFunction(schema.map { $0 + "." + plain } ?? plain)
                call(plain, schema, &out)
            }
            if introducesRelation(tokens[at], text) { relations(at &+ 1, slice, text, &out) }
        }
    }

    /// A name before a bracket that is not the name of a table with a list of columns.
    private func namesFunction(_ at: Int, _ slice: Range<Int>, _ text: RawSpan) -> Bool {
        let token = tokens[at]
        if token.kind == .word {
            if Keywords.standsOff(text, token.range) || text.isWord(token, "in") || text.isWord(token, "values")
                || text.isWord(token, "any") || text.isWord(token, "some") || text.isWord(token, "interval")
                || text.isWord(token, "key") || text.isWord(token, "row") || text.isWord(token, "partition")
                || text.isWord(token, "index") || text.isWord(token, "within") || text.isWord(token, "div")
            {
                return false
            }
        }
        var before = at &- 1
        while before > slice.lowerBound, tokens[before].kind == .dot { before &-= 2 }
        guard before >= slice.lowerBound else { return true }
        return !introducesRelation(tokens[before], text) && !text.isWord(tokens[before], "as")
            && !text.isWord(tokens[before], "with") && !text.isWord(tokens[before], "recursive")
    }

    private func introducesRelation(_ token: Token, _ text: RawSpan) -> Bool {
        switch token.count {
        case 4:
            text.isWord(token, "from") || text.isWord(token, "join") || text.isWord(token, "into")
        case 5: text.isWord(token, "table")
        case 6: text.isWord(token, "update")
        default: false
        }
    }

    /// `a, b AS x, c.d` after `FROM`.
    private func relations(_ from: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var at = from
        while at < slice.upperBound, at &- from < 4, isModifier(tokens[at], text) { at &+= 1 }
        // Bounded, since the names may all be `from`.
        let end = min(slice.upperBound, from &+ 400)
        while at < end, at < slice.upperBound, tokens[at].isName, !text.isWord(tokens[at], "select"),
            !text.isWord(tokens[at], "set"), !text.isWord(tokens[at], "lateral")
        {
            let keeps = options.dialect == .mysql
            var name = text.name(of: tokens[at], keepingCase: keeps)
            while at &+ 2 < slice.upperBound, tokens[at &+ 1].kind == .dot, tokens[at &+ 2].isName {
                at &+= 2
                name += "." + text.name(of: tokens[at], keepingCase: keeps)
            }
            at &+= 1
            // A function in FROM is none.
            if at < slice.upperBound, tokens[at].kind == .openParen, text.isWord(tokens[from &- 1], "from") { return }
            out.addTable(name)
            if at < slice.upperBound, text.isWord(tokens[at], "as") { at &+= 1 }
            if at &+ 1 < slice.upperBound, tokens[at].isName, tokens[at &+ 1].kind == .comma { at &+= 1 }
            guard at < slice.upperBound, tokens[at].kind == .comma else { return }
            at &+= 1
        }
    }

    private func isModifier(_ token: Token, _ text: RawSpan) -> Bool {
        text.isWord(token, "only") || text.isWord(token, "if") || text.isWord(token, "exists")
            || text.isWord(token, "not") || text.isWord(token, "ignore") || text.isWord(token, "low_priority")
    }

    // MARK: Kinds

    /// The kind by the first words, for what both dialects share.
    func kind(_ slice: Range<Int>, _ text: RawSpan) -> StatementKind {
        var at = 0
        while slice.lowerBound &+ at < slice.upperBound, tokens[slice.lowerBound &+ at].kind == .openParen { at &+= 1 }
        let second = word(slice, at &+ 1, text)
        switch word(slice, at, text) {
        case "with":
            let verbs: Set = ["select", "insert", "update", "delete", "merge", "values", "replace", "table"]
            guard let main = firstOutside(slice, text, from: at &+ 1, verbs) else { return .select }
            return kind(slice.lowerBound &+ main..<slice.upperBound, text)
        case "select", "table": return .select
        case "values": return .values
        case "insert", "replace": return .insert
        case "update": return .update
        case "delete": return .delete
        case "merge": return .merge
        case "begin": return .begin
        case "start": return second == "transaction" ? .begin : .other
        case "commit": return second == "prepared" ? .commitPrepared : .commit
        case "end": return .commit
        case "abort": return .rollback
        case "rollback":
            if second == "prepared" { return .rollbackPrepared }
            return contains(slice, text, "to") ? .rollbackToSavepoint : .rollback
        case "savepoint": return .savepoint
        case "release": return .releaseSavepoint
        case "set": return second == "transaction" || second == "constraints" ? .setTransaction : .set
        case "reset": return .reset
        case "show": return .show
        case "discard": return .discard
        case "prepare": return second == "transaction" ? .prepareTransaction : .prepare
        case "execute": return .execute
        case "deallocate": return .deallocate
        case "listen": return .listen
        case "unlisten": return .unlisten
        case "notify": return .notify
        case "declare": return .declareCursor
        case "close": return .closeCursor
        case "fetch", "move": return .fetch
        case "copy": return .copy
        case "lock", "unlock": return .lock
        case "create", "alter", "drop", "grant", "revoke", "comment", "truncate", "rename", "reindex", "cluster",
            "refresh", "security", "import", "reassign":
            return .ddl
        case "call": return .call
        case "do": return .doBlock
        case "explain": return .explain
        case "vacuum", "analyze", "analyse": return .vacuum
        case "load": return .load
        case "checkpoint": return .other
        default: return .unknown
        }
    }

    /// `PREPARE`, `EXECUTE` and `DEALLOCATE` of both dialects; `slice` begins with that word.
    func prepared(_ slice: Range<Int>, _ text: RawSpan, _ kind: StatementKind, _ out: inout StatementBuilder) {
        var at = 1
        if kind == .deallocate, slice.count > 2, word(slice, 1, text) == "prepare" { at = 2 }
        out.writes = out.writes || kind != .deallocate
        let index = slice.lowerBound &+ at
        guard index < slice.upperBound, tokens[index].isName else { return out.mayDoAnything() }
        let name = text.name(of: tokens[index])
        let range = tokens[index].range
        switch kind {
        case .prepare: out.effects.append(.prepare(name: name, nameRange: range))
        case .execute: out.effects.append(.execute(name: name, nameRange: range))
        default:
            let all = name == "all" && tokens[index].kind == .word && options.dialect == .postgres
            out.effects.append(all ? .deallocateAll : .deallocate(name: name, nameRange: range))
        }
    }

    /// Savepoints of both dialects.
    func savepoint(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let name = tokens[slice].last.map { text.name(of: $0) } ?? ""
        switch out.kind {
        case .savepoint: out.effects.append(.savepoint(name))
        case .releaseSavepoint: out.effects.append(.releaseSavepoint(name))
        default: out.effects.append(.rollbackToSavepoint(name))
        }
    }
}
