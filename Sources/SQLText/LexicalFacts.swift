internal import ByteKit

/// Facts from tokens alone: for what the parser does not know, and for MySQL. Whatever is not surely harmless writes.
struct LexicalFacts {
    let tokens: [Token]
    let options: LexerOptions

    /// The statements of a text, cut at the semicolons outside of brackets.
    func statements(in text: RawSpan) -> (list: [Statement], copies: Bool) {
        var list: [Statement] = []
        var copies = false
        var first = 0
        var depth = 0
        for at in 0...tokens.count {
            if at < tokens.count {
                switch tokens[at].kind {
                case .openParen: depth &+= 1
                case .closeParen: depth = max(depth &- 1, 0)
                default: break
                }
                guard tokens[at].kind == .semicolon, depth == 0 else { continue }
            }
            if first < at {
                var builder = StatementBuilder()
                read(first..<at, text, &builder)
                copies = copies || builder.copies
                list.append(builder.statement(Int(tokens[first].start)..<Int(tokens[at &- 1].end)))
            }
            first = at &+ 1
        }
        return (list, copies)
    }

    private func read(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        out.kind = kind(slice, text)
        out.writes = PostgresFacts.alwaysWrites(out.kind)
        collect(slice, text, &out)
        switch out.kind {
        case .select, .values, .explain: out.writes = out.writes || !isRead(slice, text)
        case .set: set(slice, text, &out)
        case .reset: reset(slice, text, &out)
        case .discard: out.effects += [.discardAll, .mayRelease([.temporaryTables, .advisoryLocks, .holdCursors])]
        case .savepoint: out.effects.append(.savepoint(name(after: slice, at: 1, text)))
        case .releaseSavepoint, .rollbackToSavepoint:
            let name = tokens[slice].last.map { text.name(of: $0) } ?? ""
            out.effects.append(out.kind == .releaseSavepoint ? .releaseSavepoint(name) : .rollbackToSavepoint(name))
        case .prepare, .execute, .deallocate: prepared(slice, text, &out)
        case .listen: out.effects.append(.listen(channel: name(after: slice, at: 1, text)))
        case .unlisten:
            let channel = slice.count > 1 && tokens[slice.lowerBound &+ 1].isName
            out.effects.append(channel ? .unlisten(channel: name(after: slice, at: 1, text)) : .unlistenAll)
        case .declareCursor:
            out.writes = true
            if contains(slice, text, "hold") { out.effects.append(.mayCreate(.holdCursors)) }
        case .closeCursor: out.effects.append(.mayRelease(.holdCursors))
        case .copy:
            out.copies = contains(slice, text, "stdin") || contains(slice, text, "stdout")
            out.writes = true
        case .load:
            if options.dialect == .postgres { out.effects.append(.mayCreate(.loadedLibrary)) }
        case .call, .doBlock: out.mayDoAnything()
        case .ddl: ddl(slice, text, &out)
        case .empty, .insert, .update, .delete, .merge, .begin, .commit, .rollback, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .show, .notify, .fetch, .lock, .vacuum, .other,
            .unknown:
            break
        }
    }

    // MARK: Words

    private func word(_ slice: Range<Int>, _ at: Int, _ text: RawSpan) -> String {
        let index = slice.lowerBound &+ at
        guard at >= 0, index < slice.upperBound, tokens[index].kind == .word else { return "" }
        return text.name(of: tokens[index])
    }

    private func name(after slice: Range<Int>, at: Int, _ text: RawSpan) -> String {
        let index = slice.lowerBound &+ at
        guard index < slice.upperBound, tokens[index].isName else { return "" }
        return text.name(of: tokens[index])
    }

    private func contains(_ slice: Range<Int>, _ text: RawSpan, _ word: StaticString) -> Bool {
        tokens[slice].contains { text.isWord($0, word) }
    }

    /// The bytes of a statement.
    private func bytes(_ slice: Range<Int>, _ text: RawSpan) -> [UInt8] {
        text.extracting(Int(tokens[slice.lowerBound].start)..<Int(tokens[slice.upperBound &- 1].end)).toArray()
    }

    // MARK: Parts

    private func kind(_ slice: Range<Int>, _ text: RawSpan) -> StatementKind {
        var at = 0
        while slice.lowerBound &+ at < slice.upperBound, tokens[slice.lowerBound &+ at].kind == .openParen { at &+= 1 }
        let second = word(slice, at &+ 1, text)
        switch word(slice, at, text) {
        case "select", "table", "with": return .select
        case "values": return .values
        case "insert", "replace": return .insert
        case "update": return .update
        case "delete": return .delete
        case "merge": return .merge
        case "begin": return .begin
        case "start": return second == "transaction" ? .begin : .other
        case "commit", "end": return second == "prepared" ? .commitPrepared : .commit
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
        case "explain", "desc", "describe": return .explain
        case "vacuum", "analyze", "analyse", "optimize": return .vacuum
        case "load": return .load
        case "checkpoint": return .other
        default: return .unknown
        }
    }

    /// Relations after the words that name one, and everything that looks like a call.
    private func collect(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        for at in slice where tokens[at].isName && at &+ 1 < slice.upperBound {
            if tokens[at &+ 1].kind == .openParen, !Keywords.standsOff(text, tokens[at].range) {
                call(at, slice, text, &out)
            }
            let token = tokens[at]
            guard text.isWord(token, "from") || text.isWord(token, "join") || text.isWord(token, "into")
                || text.isWord(token, "update") || text.isWord(token, "table")
            else { continue }
            var next = at &+ 1
            guard tokens[next].isName, !text.isWord(tokens[next], "select"), !text.isWord(tokens[next], "set") else {
                continue
            }
            var name = text.name(of: tokens[next])
            while next &+ 2 < slice.upperBound, tokens[next &+ 1].kind == .dot, tokens[next &+ 2].isName {
                next &+= 2
                name += "." + text.name(of: tokens[next])
            }
            out.addTable(name)
        }
    }

    private func call(_ at: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let plain = text.name(of: tokens[at])
        let hasSchema = at >= slice.lowerBound &+ 2 && tokens[at &- 1].kind == .dot && tokens[at &- 2].isName
        out.addFunction(hasSchema ? text.name(of: tokens[at &- 2]) + "." + plain : plain)
        if out.kind == .ddl { return }
        switch options.dialect {
        case .postgres:
            if plain == "set_config" { out.effects.append(.mayCreate(.unknown)) }
            if let effect = SessionFunctions.effect(plain) { out.effects.append(effect) }
        case .mysql:
            switch plain.lowercased() {
            case "get_lock": out.effects.append(.mayCreate(.advisoryLocks))
            case "release_lock", "release_all_locks": out.effects.append(.mayRelease(.advisoryLocks))
            default: break
            }
        }
    }

    /// A query of nothing but what surely reads.
    private func isRead(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
        // Whatever the parser refused may be anything; MySQL has no parser, so its reads are found by exclusion.
        false
    }

    private func set(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard options.dialect == .postgres else { return out.effects.append(.mayCreate(.unknown)) }
        var at = 1
        let scope = word(slice, at, text)
        if scope == "local" || scope == "session" { at &+= 1 }
        let name = PostgresFacts.settingName(name(after: slice, at: at, text))
        guard !name.isEmpty else { return out.effects.append(.mayCreate(.unknown)) }
        if scope == "local" {
            out.effects.append(.setLocal(name: name))
        } else {
            out.effects.append(.set(name: name, replay: bytes(slice, text)))
        }
    }

    private func reset(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let name = PostgresFacts.settingName(name(after: slice, at: 1, text))
        out.effects.append(name == "all" ? .resetAll : .reset(name: name))
    }

    private func prepared(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var at = 1
        if out.kind == .deallocate, slice.count > 2, word(slice, 1, text) == "prepare" { at = 2 }
        out.writes = out.kind != .deallocate
        let index = slice.lowerBound &+ at
        guard index < slice.upperBound, tokens[index].isName else { return out.mayDoAnything() }
        let name = text.name(of: tokens[index])
        let range = tokens[index].range
        switch out.kind {
        case .prepare: out.effects.append(.prepare(name: name, nameRange: range))
        case .execute: out.effects.append(.execute(name: name, nameRange: range))
        default:
            let all = name == "all" && tokens[index].kind == .word
            out.effects.append(all ? .deallocateAll : .deallocate(name: name, nameRange: range))
        }
    }

    private func ddl(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        switch word(slice, 0, text) {
        case "create":
            if contains(slice, text, "temp") || contains(slice, text, "temporary") || contains(slice, text, "pg_temp") {
                out.effects.append(.mayCreate(.temporaryTables))
            }
        case "drop": out.effects.append(.mayRelease(.temporaryTables))
        default: break
        }
    }
}
