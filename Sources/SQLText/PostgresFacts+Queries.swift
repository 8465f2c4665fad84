/// What queries do: the tables they name, the functions they call and what those leave behind.
extension PostgresFacts {
    /// Reads a query; `top` if it is a whole statement, whose target list surely runs once.
    func query(_ node: Int, _ out: inout StatementBuilder, top: Bool) {
        if Self.alwaysWrites(Self.kind(tree, node)) { out.writes = true }
        // The calls that surely run, found once the first of them matters.
        var certain: Set<Int>?
        for at in tree.descendants(node) {
            switch tree.keyLength(at) {
            case 8 where tree.hasKey(at, "FuncCall"):
                if isSetConfig(at) {
                    if certain == nil { certain = top ? plainTargets(node) : [] }
                    setConfig(at, &out, runsOnce: certain?.contains(at) == true)
                } else {
                    call(at, &out)
                }
            case 9 where tree.hasKey(at, "MergeStmt"): out.writes = true
            case 10
            where tree.hasKey(at, "InsertStmt") || tree.hasKey(at, "UpdateStmt") || tree.hasKey(at, "DeleteStmt"):
                out.writes = true
            case 10 where tree.hasKey(at, "intoClause"):
                out.writes = true
                temporary(at, &out)
            case 13 where tree.hasKey(at, "lockingClause"): out.writes = true
            default: break
            }
        }
    }

    /// The relations a statement names, without those its `WITH` clauses define.
    func collectTables(_ node: Int, _ out: inout StatementBuilder) {
        var own: Set<String> = []
        for at in tree.descendants(node) where tree.hasKey(at, "ctename") { own.insert(tree.string(at)) }
        for at in tree.descendants(node) where tree.hasKey(at, "relname") {
            // A definition repeats names of columns and constraints under other keys, so `relname` is a relation.
            let name = tree.string(at)
            if let schema = schemaBefore(at) {
                out.addTable(schema + "." + name)
            } else if !own.contains(name) {
                out.addTable(name)
            }
        }
    }

    /// The `schemaname` of the same object, which is written right before `relname`.
    private func schemaBefore(_ at: Int) -> String? {
        at > 0 && tree.hasKey(at &- 1, "schemaname") ? tree.string(at &- 1) : nil
    }

    /// Only the names of the functions a statement calls.
    func collectFunctions(_ node: Int, _ out: inout StatementBuilder) {
        for at in tree.descendants(node) where tree.hasKey(at, "FuncCall") || tree.hasKey(at, "funccall") {
            if let names = tree.child(at, "funcname") { out.addFunction(qualifiedName(names)) }
        }
    }

    // MARK: Calls

    private func call(_ node: Int, _ out: inout StatementBuilder) {
        guard let list = tree.child(node, "funcname") else { return }
        let name = qualifiedName(list)
        out.addFunction(name)
        let plain = name.hasPrefix("pg_catalog.") ? String(name.dropFirst(11)) : name
        if let effect = SessionFunctions.effect(plain) { out.effects.append(effect) }
        if !SessionFunctions.isReadOnly(plain) { out.writes = true }
    }

    private func isSetConfig(_ call: Int) -> Bool {
        guard let list = tree.child(call, "funcname") else { return false }
        let last = Int(tree.nodes[list].next) &- 1
        guard last > list, tree.isValue(last, "set_config") else { return false }
        let name = qualifiedName(list)
        return name == "set_config" || name == "pg_catalog.set_config"
    }

    /// The calls that are items of the target list of a query without anything that decides whether they run.
    private func plainTargets(_ node: Int) -> Set<Int> {
        guard tree.key(node) == "SelectStmt", let targets = tree.child(node, "targetList"),
            tree.child(node, "fromClause") == nil, tree.child(node, "whereClause") == nil,
            tree.child(node, "havingClause") == nil, tree.child(node, "limitCount") == nil,
            tree.child(node, "limitOffset") == nil, tree.child(node, "groupClause") == nil,
            tree.string(node, "op") == "SETOP_NONE"
        else { return [] }
        return Set(tree.children(targets).compactMap { tree.child($0, "ResTarget", "val", "FuncCall") })
    }

    /// `set_config(name, value, is_local)`.
    private func setConfig(_ node: Int, _ out: inout StatementBuilder, runsOnce: Bool) {
        if let list = tree.child(node, "funcname") { out.addFunction(qualifiedName(list)) }
        guard let list = tree.child(node, "args"), case let arguments = tree.children(list), arguments.count == 3,
            case .text(let given) = constant(arguments[0]), let isLocal = boolean(constant(arguments[2]))
        else { return out.effects.append(.mayCreate(.unknown)) }
        let name = Self.settingName(given)
        guard !Self.isOfTransaction(name) else { return }
        if isLocal { return out.effects.append(.setLocal(name: name)) }
        switch constant(arguments[1]) {
        case .text(let value):
            let replay = "SELECT pg_catalog.set_config(\(Self.quoted(given)), \(Self.quoted(value)), false)"
            out.set(name, to: value.utf8, replay: Array(replay.utf8))
            if name == "search_path", value.contains("pg_temp") { out.effects.append(.mayCreate(.temporaryTables)) }
        case .null: out.effects.append(.reset(name: name))
        case .boolean, .number, .computed: return out.effects.append(.setComputed(name: name))
        }
        // In a CASE, a subselect or with a WHERE it may as well not run: then nobody knows the value.
        if !runsOnce { out.effects.append(.mayCreate(.unknown)) }
    }

    private enum Constant {
        case text(String), number(Int), boolean(Bool), null, computed
    }

    private func constant(_ node: Int) -> Constant {
        if let cast = tree.child(node, "TypeCast"), let argument = tree.child(cast, "arg") {
            guard let names = tree.child(cast, "typeName", "names") else { return .computed }
            switch qualifiedName(names) {
            case "text", "pg_catalog.varchar", "name", "pg_catalog.bool": return constant(argument)
            default: return .computed
            }
        }
        guard let value = tree.child(node, "A_Const") else { return .computed }
        if tree.flag(value, "isnull") { return .null }
        if let text = tree.child(value, "sval") { return .text(tree.string(text, "sval") ?? "") }
        if let flag = tree.child(value, "boolval") { return .boolean(tree.flag(flag, "boolval")) }
        if let number = tree.child(value, "ival") { return .number(tree.integer(number, "ival")) }
        return .computed
    }

    private func boolean(_ constant: Constant) -> Bool? {
        switch constant {
        case .boolean(let value): return value
        case .null: return false
        case .text(let text):
            switch text.lowercased() {
            case "t", "true", "y", "yes", "on", "1": return true
            case "f", "false", "n", "no", "off", "0": return false
            default: return nil
            }
        case .number, .computed: return nil
        }
    }
}
