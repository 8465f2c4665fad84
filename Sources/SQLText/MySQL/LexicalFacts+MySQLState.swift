internal import ByteKit

/// State of MySQL's sessions that is made and ended by statements of its own, with its names.
extension LexicalFacts {
    // MARK: Locks

    func locks(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let unlocks = word(slice, 0, text) == "unlock"
        switch word(slice, 1, text) {
        case "instance", "binlog":
            out.effects.append(unlocks ? .mayRelease(.backupLocks) : .mayCreate(.backupLocks))
        case "tables" where word(slice, 2, text) == "for" && slice.count == 4:
            out.effects.append(.mayCreate(.backupLocks))
        default: out.effects.append(unlocks ? .mayRelease([.tableLocks, .globalReadLock]) : .mayCreate(.tableLocks))
        }
    }

    /// `FLUSH [LOCAL] TABLES [t, …] WITH READ LOCK`, `… FOR EXPORT`.
    func flush(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard let at = firstOutside(slice, text, ["table", "tables"]) else { return }
        if word(slice, at &+ 1, text) == "with" {
            out.effects.append(.mayCreate(.globalReadLock))
        } else if contains(slice, text, "lock") || contains(slice, text, "export") {
            out.effects.append(.mayCreate(.tableLocks))
        }
    }

    /// MariaDB `BACKUP STAGE …`, `BACKUP LOCK t`, `BACKUP UNLOCK`.
    func backup(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let ends = word(slice, 1, text) == "unlock" || word(slice, 2, text) == "end"
        out.effects.append(ends ? .mayRelease(.backupLocks) : .mayCreate(.backupLocks))
    }

    /// The locks of `GET_LOCK` and its like, by name where it is a string.
    func lockNames(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var leavesSome = false
        for at in slice where tokens[at].isName && at &+ 2 < slice.upperBound && tokens[at &+ 1].kind == .openParen {
            guard let effect = MySQLFunctions.effect(text.name(of: tokens[at])), out.named.count < 64 else { continue }
            let argument = tokens[at &+ 2]
            let isWhole =
                at &+ 3 < slice.upperBound
                && (tokens[at &+ 3].kind == .comma || tokens[at &+ 3].kind == .closeParen)
            // The services lock any number at once.
            let isPlain = text.isWord(tokens[at], "get_lock") || text.isWord(tokens[at], "release_lock")
            let name = isWhole && isPlain && argument.kind == .string ? text.unquoted(argument)?.lowercased() : nil
            var isReleased = false
            if case .mayRelease = effect { isReleased = true }
            if isReleased, name == nil, text.name(of: tokens[at]) != "release_all_locks" {
                leavesSome = true
                continue
            }
            out.named.append(NamedState(kind: .advisoryLocks, name: name, isReleased: isReleased))
        }
        let endsNone = leavesSome && !out.named.contains { $0.kind == .advisoryLocks && $0.isReleased }
        if endsNone { out.effects.removeAll { $0 == .mayRelease(.advisoryLocks) } }
    }

    // MARK: Tables

    /// `[TEMPORARY] TABLE [IF [NOT] EXISTS] a, b.c`, from the word `TABLE` at an offset. False if no name follows.
    @discardableResult
    func droppedOrMade(
        _ slice: Range<Int>, from: Int, isReleased: Bool, _ text: RawSpan, _ out: inout StatementBuilder
    ) -> Bool {
        var at = slice.lowerBound &+ from &+ 1
        while at < slice.upperBound,
            text.isWord(tokens[at], "if") || text.isWord(tokens[at], "not") || text.isWord(tokens[at], "exists")
        {
            at &+= 1
        }
        let first = out.named.count
        while at < slice.upperBound, tokens[at].isName, out.named.count < 64 {
            let (name, end) = qualifiedName(at, slice, text)
            out.named.append(NamedState(kind: .temporaryTables, name: name, isReleased: isReleased))
            at = end &+ 1
            guard isReleased, end < slice.upperBound, tokens[end].kind == .comma else { return true }
        }
        if out.named.count > first { return true }
        if !isReleased { out.named.append(NamedState(kind: .temporaryTables, name: nil, isReleased: false)) }
        return false
    }

    /// `RENAME TABLE a TO b, …`, `ALTER TABLE a …, RENAME [TO] b`.
    func renamed(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let isAlter = word(slice, 0, text) == "alter"
        guard var at = firstOutside(slice, text, ["table", "tables"]).map({ slice.lowerBound &+ $0 &+ 1 }) else {
            return
        }
        while at < slice.upperBound, text.isWord(tokens[at], "if") || text.isWord(tokens[at], "exists") { at &+= 1 }
        while at < slice.upperBound, tokens[at].isName, out.named.count < 64 {
            let (old, first) = qualifiedName(at, slice, text)
            var end = first
            if isAlter {
                guard let next = renameOfAlter(end, slice, text) else { return }
                end = next
            }
            while end < slice.upperBound,
                text.isWord(tokens[end], "to") || text.isWord(tokens[end], "as") || tokens[end].kind == .symbol
            {
                end &+= 1
            }
            guard end < slice.upperBound, tokens[end].isName else { return }
            let (new, rest) = qualifiedName(end, slice, text)
            out.named.append(
                NamedState(kind: .temporaryTables, name: new, isReleased: false, renamedFrom: old))
            at = rest &+ 1
            guard !isAlter, rest < slice.upperBound, tokens[rest].kind == .comma else { return }
        }
    }

    /// The token behind `RENAME`, if it is the table that gets another name.
    private func renameOfAlter(_ from: Int, _ slice: Range<Int>, _ text: RawSpan) -> Int? {
        for at in from..<slice.upperBound where text.isWord(tokens[at], "rename") && at &+ 1 < slice.upperBound {
            let next = tokens[at &+ 1]
            let isOther = text.isWord(next, "column") || text.isWord(next, "index") || text.isWord(next, "key")
            if !isOther { return at &+ 1 }
        }
        return nil
    }

    /// `t`, `db.t`, and the token behind it.
    private func qualifiedName(_ first: Int, _ slice: Range<Int>, _ text: RawSpan) -> (String, Int) {
        var at = first
        var name = text.name(of: tokens[at], keepingCase: true)
        while at &+ 2 < slice.upperBound, tokens[at &+ 1].kind == .dot, tokens[at &+ 2].isName {
            at &+= 2
            name += "." + text.name(of: tokens[at], keepingCase: true)
        }
        return (name, at &+ 1)
    }

    // MARK: HANDLER and XA

    /// `HANDLER t OPEN [[AS] alias]`, `HANDLER alias CLOSE`; what reads leaves nothing behind.
    func handlers(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard slice.count > 2, tokens[slice.lowerBound &+ 1].isName else {
            return out.effects.append(.mayCreate(.handlers))
        }
        let (name, verb) = qualifiedName(slice.lowerBound &+ 1, slice, text)
        guard verb < slice.upperBound else { return }
        if text.isWord(tokens[verb], "open") {
            let last = slice.upperBound &- 1
            let alias = last > verb && tokens[last].isName ? text.name(of: tokens[last], keepingCase: true) : name
            out.effects.append(.mayCreate(.handlers))
            out.named.append(NamedState(kind: .handlers, name: alias, isReleased: false))
        } else if text.isWord(tokens[verb], "close") {
            out.effects.append(.mayRelease(.handlers))
            out.named.append(NamedState(kind: .handlers, name: name, isReleased: true))
        }
    }

    /// `XA START xid`, `XA END xid`, `XA PREPARE xid`, `XA COMMIT xid`, `XA ROLLBACK xid`, `XA RECOVER`.
    func transactions(_ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        var end = min(slice.lowerBound &+ 2, slice.upperBound)
        let first = end
        while end < slice.upperBound, tokens[end].isLiteral || tokens[end].kind == .comma { end &+= 1 }
        let name = first < end ? String(decoding: bytes(first..<end, text), as: UTF8.self) : nil
        switch word(slice, 1, text) {
        case "start", "begin":
            out.effects.append(.mayCreate(.xa))
            out.named.append(NamedState(kind: .xa, name: name, isReleased: false))
        case "commit", "rollback":
            out.effects.append(.mayRelease(.xa))
            out.named.append(NamedState(kind: .xa, name: name, isReleased: true))
        default: break
        }
    }
}
