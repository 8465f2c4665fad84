internal import ByteKit

/// SQL-level prepared statements: their names, and where they are written.
extension PostgresFacts {
    func prepare(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let name = tree.string(node, "name") ?? ""
        guard let range = nameRange(slice.lowerBound &+ 1, slice, text) else { return out.mayDoAnything() }
        out.effects.append(.prepare(name: name, nameRange: range))
        guard let inner = innerStatement(node, "query") else { return }
        var body = StatementBuilder()
        body.kind = Self.kind(tree, inner)
        body.writes = Self.alwaysWrites(body.kind)
        query(inner, &body, top: false)
        out.writes = body.writes
        for function in body.functions { out.addFunction(function) }
        // Whatever EXECUTE does to the session, it counts as unknown.
        if !body.effects.isEmpty { out.effects.append(.mayCreate(.unknown)) }
    }

    func execute(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let name = tree.string(node, "name") ?? ""
        out.writes = true
        collectFunctions(node, &out)
        var range: Range<Int>?
        var depth = 0
        for at in slice {
            switch tokens[at].kind {
            case .openParen: depth &+= 1
            case .closeParen: depth &-= 1
            case .word where depth == 0 && text.isWord(tokens[at], "execute") && beginsExecute(at, slice, text):
                range = nameRange(at &+ 1, slice, text)
            default: break
            }
            if range != nil { break }
        }
        guard let range else { return out.mayDoAnything() }
        out.effects.append(.execute(name: name, nameRange: range))
    }

    /// The keyword and not a table of that name: it begins the statement, or follows `AS` or an `EXPLAIN`.
    private func beginsExecute(_ at: Int, _ slice: Range<Int>, _ text: RawSpan) -> Bool {
        guard at > slice.lowerBound else { return true }
        let previous = tokens[at &- 1]
        if previous.kind == .closeParen { return text.isWord(tokens[slice.lowerBound], "explain") }
        return text.isWord(previous, "as") || text.isWord(previous, "explain") || text.isWord(previous, "verbose")
            || text.isWord(previous, "analyze") || text.isWord(previous, "analyse")
    }

    func deallocate(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard let name = tree.string(node, "name") else { return out.effects.append(.deallocateAll) }
        let second = slice.lowerBound &+ 1
        let hasKeyword = second &+ 1 < slice.upperBound && text.isWord(tokens[second], "prepare")
        guard let range = nameRange(hasKeyword ? second &+ 1 : second, slice, text) else { return out.mayDoAnything() }
        out.effects.append(.deallocate(name: name, nameRange: range))
    }

    /// The bytes of the name at a token, with `UESCAPE '…'` if it has one.
    private func nameRange(_ at: Int, _ slice: Range<Int>, _ text: RawSpan) -> Range<Int>? {
        guard at < slice.upperBound, tokens[at].isName else { return nil }
        let range = tokens[at].range
        if at &+ 2 < slice.upperBound, tokens[at].kind == .quotedIdentifier, text.isWord(tokens[at &+ 1], "uescape") {
            return range.lowerBound..<Int(tokens[at &+ 2].end)
        }
        return range
    }
}
