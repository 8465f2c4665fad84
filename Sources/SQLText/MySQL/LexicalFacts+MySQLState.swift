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
        for at in slice where tokens[at].isName && at &+ 2 < slice.upperBound && tokens[at &+ 1].kind == .openParen {
            guard let effect = MySQLFunctions.effect(text.name(of: tokens[at])), out.named.count < 64 else { continue }
            let argument = tokens[at &+ 2]
            let isWhole =
                at &+ 3 < slice.upperBound
                && (tokens[at &+ 3].kind == .comma || tokens[at &+ 3].kind == .closeParen)
            // The services lock any number at once.
            let isPlain = text.isWord(tokens[at], "get_lock") || text.isWord(tokens[at], "release_lock")
            let name = isWhole && isPlain && argument.kind == .string ? text.unquoted(argument) : nil
            var isReleased = false
            if case .mayRelease = effect { isReleased = true }
            out.named.append(NamedState(kind: .advisoryLocks, name: name, isReleased: isReleased))
        }
    }

    // MARK: Tables

    /// `[TEMPORARY] TABLE [IF [NOT] EXISTS] a, b.c`, from the word `TABLE` at an offset.
    func droppedOrMade(
        _ slice: Range<Int>, from: Int, isReleased: Bool, _ text: RawSpan, _ out: inout StatementBuilder
    ) {
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
            guard isReleased, end < slice.upperBound, tokens[end].kind == .comma else { return }
        }
        if out.named.count == first {
            out.named.append(NamedState(kind: .temporaryTables, name: nil, isReleased: isReleased))
        }
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
