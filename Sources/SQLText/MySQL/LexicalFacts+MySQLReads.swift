internal import ByteKit

/// Finds `SessionReads`: the calls, and the columns of the lists they stand in.
extension LexicalFacts {
    /// The longest text of a column that becomes its name again: the servers cut it beyond.
    private static let longestName = 200

    /// The reads of a statement; nil if it has none.
    func sessionReads(_ slice: Range<Int>, _ text: RawSpan, _ out: StatementBuilder) -> SessionReads? {
        guard
            !out.traits.isDisjoint(with: [
                .readsDiagnostics, .readsFoundRows, .readsRowCount, .readsLastInsertID, .readsConnectionID,
            ])
        else { return nil }
        var list: [SessionRead] = []
        /// The token behind each.
        var ends: [Int] = []
        var setsID = false
        for at in slice {
            switch read(at, slice, text, out.kind, &setsID) {
            case .none: continue
            case .some(let (kind, end)):
                list.append(
                    SessionRead(
                        kind: kind, range: Int(tokens[at].start)..<Int(tokens[end &- 1].end),
                        isVariable: tokens[at].kind == .symbol))
                ends.append(end)
            }
        }
        guard !list.isEmpty || setsID else { return nil }
        var items = SelectItems()
        items.find(slice, tokens, text)
        let plain = columns(slice, text, list)
        var unnamed: [Range<Int>] = []
        var isUncertain = runsLater(slice, text, out.kind)
        for item in items.found {
            let range = Int(tokens[item.lowerBound].start)..<Int(tokens[item.upperBound &- 1].end)
            guard let first = firstRead(in: range, list) else { continue }
            let isWhole = list[first].range == range
            switch isWhole ? .missing : naming(item, text, ends[first]) {
            case .given: continue
            case .missing:
                if range.count > Self.longestName || holdsComment(item, text) || holdsHalves(range, text) {
                    isUncertain = true
                }
                unnamed.append(range)
            case .uncertain: isUncertain = true
            }
        }
        unnamed.sort { $0.upperBound < $1.upperBound }
        return SessionReads(
            list: list, columns: plain, setsLastInsertID: setsID, unnamed: unnamed, isUncertain: isUncertain)
    }

    /// The first read in a range of bytes, by halving: there may be thousands of columns.
    private func firstRead(in range: Range<Int>, _ list: [SessionRead]) -> Int? {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low &+ high) / 2
            if list[middle].range.lowerBound < range.lowerBound { low = middle &+ 1 } else { high = middle }
        }
        return low < list.count && list[low].range.lowerBound < range.upperBound ? low : nil
    }

    /// What stands at a token, with the token behind it.
    private func read(
        _ at: Int, _ slice: Range<Int>, _ text: RawSpan, _ kind: StatementKind, _ setsID: inout Bool
    ) -> (SessionRead.Kind, Int)? {
        let token = tokens[at]
        if token.isName {
            guard at &+ 1 < slice.upperBound, tokens[at &+ 1].kind == .openParen, token.count >= 9, token.count <= 16
            else { return nil }
            if at > slice.lowerBound, tokens[at &- 1].kind == .dot || isAt(at &- 1, text) { return nil }
            let isEmpty = at &+ 2 < slice.upperBound && tokens[at &+ 2].kind == .closeParen
            let found: SessionRead.Kind
            switch text.name(of: token) {
            case "last_insert_id":
                if !isEmpty { setsID = true }
                found = .lastInsertID
            case "row_count": found = .rowCount
            case "found_rows": found = .foundRows
            case "connection_id": found = .connectionID
            default: return nil
            }
            return isEmpty ? (found, at &+ 3) : nil
        }
        guard token.kind == .symbol, token.count == 2, text.u8(at: Int(token.start)) == UInt8(ascii: "@") else {
            return nil
        }
        var name = at &+ 1
        guard name < slice.upperBound, tokens[name].isName else { return nil }
        if name &+ 2 < slice.upperBound, tokens[name &+ 1].kind == .dot {
            guard text.isWord(tokens[name], "session") || text.isWord(tokens[name], "local") else { return nil }
            name &+= 2
        }
        // The variable an assignment sets is not read.
        if kind == .set, name &+ 1 < slice.upperBound, assigns(tokens[name &+ 1], text) { return nil }
        guard tokens[name].isName, tokens[name].count <= 18 else { return nil }
        switch text.name(of: tokens[name]) {
        case "identity", "last_insert_id": return (.lastInsertID, name &+ 1)
        case "warning_count": return (.warningCount, name &+ 1)
        case "error_count": return (.errorCount, name &+ 1)
        case "pseudo_thread_id": return (.connectionID, name &+ 1)
        default: return nil
        }
    }

    private func assigns(_ token: Token, _ text: RawSpan) -> Bool {
        let bytes = text.extracting(token.range)
        return token.kind == .symbol && (bytes.equals("=") || bytes.equals(":="))
    }

    /// What it reads is read when a routine is called, not now.
    private func runsLater(_ slice: Range<Int>, _ text: RawSpan, _ kind: StatementKind) -> Bool {
        switch kind {
        case .ddl: !(contains(slice, text, "select") && definesTable(slice, text))
        case .call: word(slice, 0, text) != "call"
        case .empty, .select, .values, .insert, .update, .delete, .merge, .begin, .commit, .rollback, .savepoint,
            .releaseSavepoint, .rollbackToSavepoint, .prepareTransaction, .commitPrepared, .rollbackPrepared, .set,
            .setTransaction, .reset, .show, .discard, .prepare, .execute, .deallocate, .listen, .unlisten, .notify,
            .declareCursor, .closeCursor, .fetch, .copy, .lock, .doBlock, .explain, .vacuum, .load, .other, .unknown:
            false
        }
    }

    // MARK: Names of columns

    private enum Naming { case given, missing, uncertain }

    /// Whether a column has a name of its own. What looks like one may be the end of an expression (`… COLLATE x`).
    private func naming(_ item: Range<Int>, _ text: RawSpan, _ endOfRead: Int) -> Naming {
        guard item.count > 1 else { return .missing }
        let last = tokens[item.upperBound &- 1]
        let before = tokens[item.upperBound &- 2]
        guard last.isName || last.kind == .string else {
            switch last.kind {
            case .closeParen, .number, .parameter: return .missing
            default: return .uncertain
            }
        }
        if text.isWord(before, "as") { return .given }
        if text.isWord(last, "end") { return .uncertain }
        if item.upperBound &- 1 == endOfRead { return .given }
        return before.kind == .closeParen || before.kind == .number ? .given : .uncertain
    }

    /// Whether a byte may be half a character, so that quotes around the text would be read otherwise.
    private func holdsHalves(_ range: Range<Int>, _ text: RawSpan) -> Bool {
        options.charset != nil && range.contains { text.u8(at: $0) >= 0x80 }
    }

    /// Whether anything but blanks lies between the tokens of a column: the servers leave comments out of the name.
    private func holdsComment(_ item: Range<Int>, _ text: RawSpan) -> Bool {
        for at in item.dropFirst() {
            for byte in Int(tokens[at &- 1].end)..<Int(max(tokens[at].start, tokens[at &- 1].end))
            where CharacterClass.of(text.u8(at: byte)) != CharacterClass.blank {
                return true
            }
        }
        return false
    }

    /// `SELECT read [[AS] name], … [FROM DUAL] [LIMIT 1]`, and nothing else.
    private func columns(_ slice: Range<Int>, _ text: RawSpan, _ list: [SessionRead]) -> [SessionReads.Column] {
        guard text.isWord(tokens[slice.lowerBound], "select") else { return [] }
        var at = slice.lowerBound &+ 1
        var found: [SessionReads.Column] = []
        var rest = list[...]
        while let read = rest.popFirst() {
            guard at < slice.upperBound, Int(tokens[at].start) == read.range.lowerBound else { return [] }
            let first = at
            while at < slice.upperBound, Int(tokens[at].start) < read.range.upperBound { at &+= 1 }
            var name = text.extracting(read.range).toArray()
            if holdsComment(first..<at, text) { return [] }
            let hasAs = at < slice.upperBound && text.isWord(tokens[at], "as")
            if hasAs { at &+= 1 }
            if at < slice.upperBound, hasAs || !text.isWord(tokens[at], "from") && !text.isWord(tokens[at], "limit"),
                tokens[at].isName || tokens[at].kind == .string
            {
                guard let alias = text.unquoted(tokens[at]), alias.utf8.allSatisfy({ $0 < 0x80 }) else { return [] }
                name = Array(alias.utf8)
                at &+= 1
            } else if hasAs {
                return []
            }
            found.append(SessionReads.Column(kind: read.kind, name: name))
            guard at < slice.upperBound, tokens[at].kind == .comma else { break }
            at &+= 1
            if rest.isEmpty { return [] }
        }
        if at &+ 1 < slice.upperBound, text.isWord(tokens[at], "from"), text.isWord(tokens[at &+ 1], "dual") {
            at &+= 2
        }
        if at &+ 1 < slice.upperBound, text.isWord(tokens[at], "limit"), tokens[at &+ 1].kind == .number,
            text.u8(at: Int(tokens[at &+ 1].start)) != UInt8(ascii: "0")
        {
            at &+= 2
        }
        return at == slice.upperBound && rest.isEmpty ? found : []
    }
}

/// The columns of every `SELECT` of a statement, as ranges of tokens.
struct SelectItems {
    private(set) var found: [Range<Int>] = []

    private struct Level {
        var item: Int?
    }

    mutating func find(_ slice: Range<Int>, _ tokens: [Token], _ text: RawSpan) {
        var levels = [Level()]
        func end(_ at: Int) {
            let top = levels.count &- 1
            if let start = levels[top].item, start < at { found.append(start..<at) }
            levels[top].item = nil
        }
        for at in slice {
            let token = tokens[at]
            switch token.kind {
            case .openParen: levels.append(Level())
            case .closeParen:
                end(at)
                if levels.count > 1 { levels.removeLast() }
            case .comma where levels[levels.count &- 1].item != nil:
                end(at)
                levels[levels.count &- 1].item = at &+ 1
            case .semicolon: end(at)
            case .word:
                if at > slice.lowerBound, tokens[at &- 1].kind == .dot { continue }
                if text.isWord(token, "select") {
                    levels[levels.count &- 1].item = at &+ 1
                } else if let start = levels[levels.count &- 1].item {
                    if start == at, Self.modifies(token, text) { levels[levels.count &- 1].item = at &+ 1 }
                    if start < at, Self.endsList(token, text) { end(at) }
                }
            case .quotedIdentifier, .string, .number, .parameter, .symbol, .cast, .comma, .dot, .openBracket,
                .closeBracket, .unterminated:
                break
            }
        }
        while !levels.isEmpty {
            end(slice.upperBound)
            levels.removeLast()
        }
    }

    private static func modifies(_ token: Token, _ text: RawSpan) -> Bool {
        text.isWord(token, "all") || text.isWord(token, "distinct") || text.isWord(token, "distinctrow")
            || text.isWord(token, "high_priority") || text.isWord(token, "straight_join")
            || text.isWord(token, "sql_small_result") || text.isWord(token, "sql_big_result")
            || text.isWord(token, "sql_buffer_result") || text.isWord(token, "sql_cache")
            || text.isWord(token, "sql_no_cache") || text.isWord(token, "sql_calc_found_rows")
    }

    private static func endsList(_ token: Token, _ text: RawSpan) -> Bool {
        text.isWord(token, "from") || text.isWord(token, "into") || text.isWord(token, "union")
            || text.isWord(token, "except") || text.isWord(token, "intersect") || text.isWord(token, "where")
            || text.isWord(token, "group") || text.isWord(token, "having") || text.isWord(token, "order")
            || text.isWord(token, "limit") || text.isWord(token, "window") || text.isWord(token, "procedure")
            || text.isWord(token, "for") || text.isWord(token, "lock") || text.isWord(token, "on")
    }
}
