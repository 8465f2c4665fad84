internal import ByteKit

/// Makes the facts of a text from the parse tree of libpg_query and the lexer's tokens.
struct PostgresFacts {
    let tree: ParseTree
    let tokens: [Token]

    /// The statements of a parsed text, and whether one of them is a `COPY` over the connection; nil if tree and tokens
    /// do not tell the same story.
    static func statements(_ tree: ParseTree, _ tokens: [Token], in text: RawSpan) -> (list: [Statement], copies: Bool)?
    {
        let facts = PostgresFacts(tree: tree, tokens: tokens)
        guard let list = tree.child(0, "stmts") else { return ([], false) }
        var statements: [Statement] = []
        var copies = false
        var cursor = 0
        for item in tree.children(list) {
            guard let wrapper = tree.child(item, "stmt"), let node = tree.children(wrapper).first else { return nil }
            let location = tree.integer(item, "stmt_location")
            let length = tree.integer(item, "stmt_len")
            let end = length == 0 ? text.byteCount : location &+ length
            while cursor < tokens.count, tokens[cursor].kind == .semicolon || Int(tokens[cursor].start) < location {
                cursor &+= 1
            }
            let first = cursor
            while cursor < tokens.count, Int(tokens[cursor].start) < end { cursor &+= 1 }
            var last = cursor
            // With an empty statement behind it, the grammar counts to the end of the text.
            while last > first, tokens[last &- 1].kind == .semicolon { last &-= 1 }
            guard first < last else { return nil }
            var builder = StatementBuilder()
            builder.copies = false
            facts.read(node, first..<last, text, &builder)
            copies = copies || builder.copies
            statements.append(builder.statement(Int(tokens[first].start)..<Int(tokens[last &- 1].end)))
        }
        return (statements, copies)
    }

    /// Reads one statement node; `slice` are its tokens.
    func read(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        out.kind = Self.kind(tree, node)
        out.writes = Self.alwaysWrites(out.kind)
        collectTables(node, &out)
        switch tree.key(node) {
        case "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt": query(node, &out, top: true)
        case "VariableSetStmt": set(node, slice, text, &out)
        case "VariableShowStmt", "FetchStmt", "ConstraintsSetStmt": break
        case "TransactionStmt": transaction(node, &out)
        case "DiscardStmt": discard(node, &out)
        case "PrepareStmt": prepare(node, slice, text, &out)
        case "ExecuteStmt": execute(node, slice, text, &out)
        case "DeallocateStmt": deallocate(node, slice, text, &out)
        case "ListenStmt": out.effects.append(.listen(channel: tree.string(node, "conditionname") ?? ""))
        case "UnlistenStmt":
            if let channel = tree.string(node, "conditionname") {
                out.effects.append(.unlisten(channel: channel))
            } else {
                out.effects.append(.unlistenAll)
            }
        case "DeclareCursorStmt":
            if let inner = innerStatement(node, "query") { query(inner, &out, top: false) }
            // CURSOR_OPT_HOLD
            if tree.integer(node, "options") & 0x20 != 0 { out.effects.append(.mayCreate(.holdCursors)) }
        case "ClosePortalStmt": out.effects.append(.mayRelease(.holdCursors))
        case "CopyStmt": copy(node, &out)
        case "ExplainStmt": explain(node, slice, text, &out)
        case "CreateTableAsStmt": createTableAs(node, slice, text, &out)
        case "DropStmt": drop(node, &out)
        case "LoadStmt": out.effects.append(.mayCreate(.loadedLibrary))
        case "DoStmt", "CallStmt":
            if tree.key(node) == "CallStmt" { collectFunctions(node, &out) }
            out.mayDoAnything()
        default: ddl(node, &out)
        }
    }

    private func transaction(_ node: Int, _ out: inout StatementBuilder) {
        let name = tree.string(node, "savepoint_name") ?? ""
        switch out.kind {
        case .savepoint: out.effects.append(.savepoint(name))
        case .releaseSavepoint: out.effects.append(.releaseSavepoint(name))
        case .rollbackToSavepoint: out.effects.append(.rollbackToSavepoint(name))
        default: break
        }
    }

    private func discard(_ node: Int, _ out: inout StatementBuilder) {
        switch tree.string(node, "target") {
        case "DISCARD_PLANS": out.effects.append(.discardPlans)
        case "DISCARD_SEQUENCES": out.effects.append(.discardSequences)
        case "DISCARD_TEMP": out.effects += [.discardTemporary, .mayRelease(.temporaryTables)]
        default: out.effects += [.discardAll, .mayRelease([.temporaryTables, .advisoryLocks, .holdCursors])]
        }
    }

    private func copy(_ node: Int, _ out: inout StatementBuilder) {
        let isFrom = tree.flag(node, "is_from")
        let isProgram = tree.flag(node, "is_program")
        let toConnection = !isProgram && tree.child(node, "filename") == nil
        out.copies = toConnection
        out.writes = isFrom || !toConnection
        if let inner = innerStatement(node, "query") { query(inner, &out, top: false) }
    }

    private func explain(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        guard let inner = innerStatement(node, "query") else { return }
        var analyzes = false
        if let options = tree.child(node, "options") {
            for option in tree.children(options) {
                guard let element = tree.child(option, "DefElem"), tree.string(element, "defname") == "analyze" else {
                    continue
                }
                analyzes = !isFalse(tree.child(element, "arg"))
            }
        }
        if analyzes {
            // It runs, so all of it counts, but it stays an EXPLAIN.
            read(inner, slice, text, &out)
            out.kind = .explain
        } else if tree.key(inner) == "ExecuteStmt" {
            execute(inner, slice, text, &out)
        } else if tree.key(inner) == "CreateTableAsStmt", let source = innerStatement(inner, "query"),
            tree.key(source) == "ExecuteStmt"
        {
            execute(source, slice, text, &out)
        } else {
            collectFunctions(inner, &out)
        }
    }

    private func isFalse(_ argument: Int?) -> Bool {
        guard let argument, let value = tree.children(argument).first else { return false }
        if let text = tree.string(value, "sval") { return text == "off" || text == "false" }
        if let flag = tree.child(value, "boolval") { return !tree.isValue(flag, "true") }
        return tree.key(value) == "Integer" && tree.integer(value, "ival") == 0
            || tree.key(value) == "Boolean" && tree.child(value, "boolval") == nil
    }

    private func createTableAs(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        if let into = tree.child(node, "into") { temporary(into, &out) }
        guard let inner = innerStatement(node, "query") else { return }
        if tree.key(inner) == "ExecuteStmt" {
            execute(inner, slice, text, &out)
        } else {
            query(inner, &out, top: false)
        }
    }

    private func drop(_ node: Int, _ out: inout StatementBuilder) {
        let type = tree.string(node, "removeType")
        switch type {
        case "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_SEQUENCE", "OBJECT_SCHEMA":
            out.effects.append(.mayRelease(.temporaryTables))
        default: break
        }
        guard type != "OBJECT_SCHEMA", let objects = tree.child(node, "objects") else { return }
        guard
            type == "OBJECT_TABLE" || type == "OBJECT_VIEW" || type == "OBJECT_SEQUENCE" || type == "OBJECT_MATVIEW"
                || type == "OBJECT_FOREIGN_TABLE"
        else { return }
        for object in tree.children(objects) {
            guard let list = tree.child(object, "List"), let items = tree.child(list, "items") else { continue }
            out.addTable(qualifiedName(items))
        }
    }

    /// Anything else: DDL and maintenance.
    private func ddl(_ node: Int, _ out: inout StatementBuilder) {
        guard out.kind == .ddl else { return }
        switch tree.key(node) {
        case "CreateStmt", "ViewStmt", "CreateSeqStmt", "CreateForeignTableStmt": temporary(node, &out)
        case "CreateFunctionStmt", "DefineStmt", "CompositeTypeStmt", "CreateEnumStmt", "CreateRangeStmt",
            "CreateDomainStmt":
            for at in tree.descendants(node)
            where tree.isValue(at, "pg_temp") && (tree.hasKey(at, "sval") || tree.hasKey(at, "schemaname")) {
                return out.effects.append(.mayCreate(.temporaryTables))
            }
        default: break
        }
    }

    /// A relation is created here: in the temporary schema, for longer than the transaction?
    func temporary(_ node: Int, _ out: inout StatementBuilder) {
        for key in ["oncommit", "onCommit"] where tree.children(node).contains(where: { tree.key($0) == key }) {
            for at in tree.children(node) where tree.key(at) == key && tree.isValue(at, "ONCOMMIT_DROP") { return }
        }
        for at in tree.children(node) {
            let isTarget =
                tree.hasKey(at, "relation") || tree.hasKey(at, "rel") || tree.hasKey(at, "view")
                || tree.hasKey(at, "sequence")
            if isTarget, tree.string(at, "relpersistence") == "t" || tree.string(at, "schemaname") == "pg_temp" {
                return out.effects.append(.mayCreate(.temporaryTables))
            }
            if tree.hasKey(at, "base") { temporary(at, &out) }
        }
    }

    /// The statement node under `key`.
    func innerStatement(_ node: Int, _ key: StaticString) -> Int? {
        tree.child(node, key).flatMap { tree.children($0).first }
    }

    /// A list of `String` nodes as a dotted name.
    func qualifiedName(_ list: Int) -> String {
        tree.children(list).compactMap { tree.child($0, "String").flatMap { tree.string($0, "sval") } }
            .joined(separator: ".")
    }
}
