internal import ByteKit

/// What a MySQL statement asks of the statement before it, and the oddities: see `StatementTraits`.
extension LexicalFacts {
    func mysqlTraits(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        for at in slice {
            let token = tokens[at]
            switch token.kind {
            case .word:
                if at > slice.lowerBound, out.kind != .select, text.isWord(token, "select") {
                    out.traits.insert(.selectsInside)
                }
                if text.isWord(token, "sql_calc_found_rows") { out.traits.insert(.countsFoundRows) }
                if text.isWord(token, "next"), at &+ 1 < slice.upperBound, text.isWord(tokens[at &+ 1], "value") {
                    out.traits.formUnion([.usesSequence, .namesSequence])
                }
                // MariaDB's other way to write LASTVAL.
                if text.isWord(token, "previous"), at &+ 1 < slice.upperBound, text.isWord(tokens[at &+ 1], "value") {
                    out.traits.formUnion([.readsLastInsertID, .namesSequence])
                }
                if at &+ 1 < slice.upperBound, tokens[at &+ 1].kind == .openParen { callTraits(token, text, &out) }
            case .symbol where text.u8(at: Int(token.start)) == UInt8(ascii: "@"):
                variableTraits(at, slice, text, &out)
            case .quotedIdentifier:
                if at &+ 1 < slice.upperBound, tokens[at &+ 1].kind == .openParen { callTraits(token, text, &out) }
            case .symbol, .string, .number, .parameter, .cast, .comma, .dot, .semicolon, .openParen,
                .closeParen, .openBracket, .closeBracket, .unterminated:
                break
            }
        }
        kindTraits(slice, text, &out)
    }

    private func callTraits(_ token: Token, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard token.count >= 6, token.count <= 16 else { return }
        switch text.name(of: token) {
        case "found_rows": out.traits.insert(.readsFoundRows)
        case "row_count": out.traits.insert(.readsRowCount)
        case "nextval": out.traits.formUnion([.usesSequence, .namesSequence])
        case "setval": out.traits.insert(.namesSequence)
        case "last_insert_id": out.traits.insert(.readsLastInsertID)
        case "lastval": out.traits.formUnion([.readsLastInsertID, .namesSequence])
        case "connection_id": out.traits.insert(.readsConnectionID)
        default: break
        }
    }

    /// `@a` and `@@session.a`; an `@` between a user and a host is followed by a string or a name as well.
    private func variableTraits(_ at: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard tokens[at].count == 2 else {
            out.traits.insert(.usesUserVariables)
            return
        }
        var name = at &+ 1
        while name &+ 2 < slice.upperBound, tokens[name &+ 1].kind == .dot { name &+= 2 }
        guard name < slice.upperBound, tokens[name].isName else { return }
        switch text.name(of: tokens[name]) {
        case "warning_count", "error_count": out.traits.insert(.readsDiagnostics)
        case "identity", "last_insert_id": out.traits.insert(.readsLastInsertID)
        case "pseudo_thread_id": out.traits.insert(.readsConnectionID)
        default: if text.name(of: tokens[name]).hasPrefix("session_track_") { out.traits.insert(.readsTracking) }
        }
    }

    private func kindTraits(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let first = word(slice, 0, text)
        let second = word(slice, 1, text)
        switch out.kind {
        case .show: showTraits(slice, text, &out)
        case .setTransaction: out.traits.insert(.nextTransaction)
        case .begin:
            out.traits.insert(.commitsImplicitly)
            if contains(slice, text, "only") { out.traits.insert(.readOnlyTransaction) }
        case .commit, .rollback:
            if says("chain", slice, text) { out.traits.insert(.chains) }
            if says("release", slice, text) { out.traits.insert(.releasesConnection) }
        case .ddl:
            let isTemporary = second == "temporary" && (first == "create" || first == "drop")
            if !isTemporary { out.traits.insert(.commitsImplicitly) }
        case .lock where first == "lock": out.traits.insert(.commitsImplicitly)
        case .vacuum: out.traits.insert(.commitsImplicitly)
        case .call, .execute: out.traits.insert(.callsRoutine)
        case .load where contains(slice, text, "local"): out.traits.insert(.wantsLocalFile)
        case .other:
            switch first {
            case "xa": out.traits.insert(.xa)
            case "handler": out.traits.insert(.handler)
            case "kill": out.traits.insert(.kills)
            case "get": out.traits.insert(.readsDiagnostics)
            case "flush", "reset", "install", "uninstall", "start", "stop", "change", "cache":
                out.traits.insert(.commitsImplicitly)
            default: break
            }
        case .empty, .select, .values, .insert, .update, .delete, .merge, .savepoint, .releaseSavepoint,
            .rollbackToSavepoint, .prepareTransaction, .commitPrepared, .rollbackPrepared, .set, .reset, .discard,
            .prepare, .deallocate, .listen, .unlisten, .notify, .declareCursor, .closeCursor, .fetch, .copy,
            .lock, .doBlock, .explain, .load, .unknown:
            break
        }
    }

    /// `SHOW [COUNT(*)] WARNINGS`, and what every server answers differently.
    private func showTraits(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        if showsTracking(slice, text) { out.traits.insert(.readsTracking) }
        switch word(slice, 1, text) {
        case "warnings", "errors": out.traits.formUnion([.readsDiagnostics, .showsOne])
        case "count": out.traits.insert(.readsDiagnostics)
        case "create", "grants": out.traits.insert(.showsOne)
        case "processlist", "status", "engine", "master", "slave", "replica", "replicas", "binary", "binlog", "open",
            "profile", "profiles", "relaylog", "explain", "all":
            out.traits.insert(.serverOwnTruth)
        case "full", "global", "session", "local":
            let third = word(slice, 2, text)
            if third == "processlist" || third == "status" { out.traits.insert(.serverOwnTruth) }
        default: break
        }
    }

    /// `SHOW VARIABLES`, unless every name and pattern in it is one of others.
    private func showsTracking(_ slice: Range<Int>, _ text: RawSpan) -> Bool {
        guard let first = firstOutside(slice, text, ["variables"]), first <= 2, word(slice, 1, text) != "global" else {
            return false
        }
        var isNarrow = false
        for at in slice where tokens[at].kind == .string {
            isNarrow = true
            guard let said = text.unquoted(tokens[at])?.lowercased() else { return true }
            let start = said.prefix { $0 != "%" && $0 != "_" }
            if "session".hasPrefix(start) { return true }
        }
        return !isNarrow
    }

    /// `AND CHAIN`, but not `AND NO CHAIN`.
    private func says(_ word: StaticString, _ slice: Range<Int>, _ text: RawSpan) -> Bool {
        for at in slice.dropFirst() where text.isWord(tokens[at], word) {
            return !text.isWord(tokens[at &- 1], "no")
        }
        return false
    }
}
