internal import ByteKit

/// What a text of PostgreSQL that its grammar did not take may do: a syntax error, or syntax of a later release.
extension LexicalFacts {
    func readPostgres(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        out.kind = kind(slice, text)
        // No parse, no proof that it only reads. What controls session and transaction is known well enough.
        switch out.kind {
        case .begin, .commit, .rollback, .savepoint, .releaseSavepoint, .rollbackToSavepoint, .set, .setTransaction,
            .reset, .show, .discard, .deallocate, .unlisten, .closeCursor, .fetch:
            break
        default: out.writes = true
        }
        let runs = out.kind != .ddl
        collect(slice, text, &out) { plain, schema, out in
            guard runs, schema == nil || schema == "pg_catalog" else { return }
            if plain == "set_config" { out.effects.append(.mayCreate(.unknown)) }
            if let effect = SessionFunctions.effect(plain) { out.effects.append(effect) }
        }
        effects(slice, text, out.kind, &out)
    }

    private func effects(_ slice: Range<Int>, _ text: RawSpan, _ kind: StatementKind, _ out: inout StatementBuilder) {
        switch kind {
        case .select: intoTemporary(slice, text, &out)
        case .set: set(slice, text, &out)
        case .reset: reset(slice, text, &out)
        case .discard: discard(slice, text, &out)
        case .savepoint, .releaseSavepoint, .rollbackToSavepoint: savepoint(slice, text, &out)
        case .prepare, .execute, .deallocate: prepared(slice, text, kind, &out)
        case .listen: out.effects.append(.listen(channel: name(slice, 1, text)))
        case .unlisten:
            let channel = name(slice, 1, text)
            out.effects.append(channel.isEmpty ? .unlistenAll : .unlisten(channel: channel))
        case .declareCursor: if contains(slice, text, "hold") { out.effects.append(.mayCreate(.holdCursors)) }
        case .closeCursor: out.effects.append(.mayRelease(.holdCursors))
        case .copy:
            out.copies = contains(slice, text, "stdin") || contains(slice, text, "stdout")
            intoTemporary(slice, text, &out)
        case .load: out.effects.append(.mayCreate(.loadedLibrary))
        case .call, .doBlock: out.mayDoAnything()
        case .ddl: ddl(slice, text, &out)
        case .explain:
            let verbs: Set = ["execute", "select", "with", "create", "declare", "insert", "update", "delete", "merge"]
            guard let inner = firstOutside(slice, text, from: 1, verbs) else { return }
            let rest = slice.lowerBound &+ inner..<slice.upperBound
            effects(rest, text, self.kind(rest, text), &out)
        case .empty, .values, .insert, .update, .delete, .merge, .begin, .commit, .rollback, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .show, .notify, .fetch, .lock, .vacuum, .other,
            .unknown:
            break
        }
    }

    private func intoTemporary(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        for at in slice.dropLast() where text.isWord(tokens[at], "into") {
            let next = tokens[at &+ 1]
            if text.isWord(next, "temp") || text.isWord(next, "temporary") || text.isWord(next, "pg_temp")
                || text.isWord(next, "local") || text.isWord(next, "global")
            {
                return out.effects.append(.mayCreate(.temporaryTables))
            }
        }
    }

    private func ddl(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        switch word(slice, 0, text) {
        case "create":
            if contains(slice, text, "temp") || contains(slice, text, "temporary") || contains(slice, text, "pg_temp") {
                out.effects.append(.mayCreate(.temporaryTables))
            }
            if let asWord = firstOutside(slice, text, ["as"]), word(slice, asWord &+ 1, text) == "execute" {
                prepared(slice.lowerBound &+ asWord &+ 1..<slice.upperBound, text, .execute, &out)
            }
        case "drop": out.effects.append(.mayRelease(.temporaryTables))
        default: break
        }
    }

    private func discard(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        switch word(slice, 1, text) {
        case "plans": out.effects.append(.discardPlans)
        case "sequences": out.effects.append(.discardSequences)
        case "temp", "temporary": out.effects += [.discardTemporary, .mayRelease(.temporaryTables)]
        default: out.effects += [.discardAll, .mayRelease([.temporaryTables, .advisoryLocks, .holdCursors])]
        }
    }

    private func reset(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let setting = setting(slice, 1, text).name
        out.effects.append(setting == "all" ? .resetAll : .reset(name: setting))
    }

    private func set(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var at = 1
        let scope = word(slice, at, text)
        if scope == "local" || scope == "session", !["authorization", "characteristics"].contains(word(slice, 2, text))
        {
            at &+= 1
        }
        let (setting, next) = setting(slice, at, text)
        guard !setting.isEmpty else { return out.effects.append(.mayCreate(.unknown)) }
        if PostgresFacts.isOfTransaction(setting) {
            out.kind = .setTransaction
        } else if scope == "local" {
            out.effects.append(.setLocal(name: setting))
        } else if tokens[slice].last.map({ text.isWord($0, "default") }) == true, next < slice.count {
            out.effects.append(.reset(name: setting))
        } else {
            let replay = bytes(slice, text)
            out.set(setting, to: replay, replay: replay)
        }
    }

    /// The server's name of the setting written at an index, and the index behind it.
    private func setting(_ slice: Range<Int>, _ at: Int, _ text: RawSpan) -> (name: String, next: Int) {
        let second = word(slice, at &+ 1, text)
        switch word(slice, at, text) {
        case "time" where second == "zone": return ("timezone", at &+ 2)
        case "names": return ("client_encoding", at &+ 1)
        case "session" where second == "authorization": return ("session_authorization", at &+ 2)
        case "session" where second == "characteristics": return ("", at &+ 2)
        default: break
        }
        var found = name(slice, at, text)
        var next = at &+ 1
        while slice.lowerBound &+ next < slice.upperBound, tokens[slice.lowerBound &+ next].kind == .dot {
            found += "." + name(slice, next &+ 1, text)
            next &+= 2
        }
        return (PostgresFacts.settingName(found), next)
    }
}
