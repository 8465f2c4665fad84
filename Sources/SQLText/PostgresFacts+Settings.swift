internal import ByteKit

/// `SET` and `RESET`.
extension PostgresFacts {
    func set(_ node: Int, _ slice: Range<Int>, _ text: RawSpan, _ out: inout StatementBuilder) {
        let name = Self.settingName(tree.string(node, "name") ?? "")
        switch tree.string(node, "kind") {
        case "VAR_SET_VALUE":
            guard !Self.isOfTransaction(name) else { return }
            if tree.flag(node, "is_local") {
                out.effects.append(.setLocal(name: name))
            } else {
                let replay = bytes(slice, text)
                out.set(name, to: replay, replay: replay)
            }
            if name == "search_path", namesTemporarySchema(node) { out.effects.append(.mayCreate(.temporaryTables)) }
        case "VAR_SET_DEFAULT":
            guard !Self.isOfTransaction(name) else { return }
            out.effects.append(tree.flag(node, "is_local") ? .setLocal(name: name) : .reset(name: name))
        case "VAR_RESET":
            guard !Self.isOfTransaction(name) else { return }
            out.effects.append(.reset(name: name))
        case "VAR_RESET_ALL": out.effects.append(.resetAll)
        case "VAR_SET_MULTI":
            if name == "session characteristics" { characteristics(node, &out) }
        default: break
        }
    }

    /// `SET SESSION CHARACTERISTICS AS TRANSACTION …`: each mode is a setting of its own.
    private func characteristics(_ node: Int, _ out: inout StatementBuilder) {
        guard let list = tree.child(node, "args") else { return }
        for item in tree.children(list) {
            guard let element = tree.child(item, "DefElem"), let name = tree.string(element, "defname"),
                let constant = tree.child(element, "arg", "A_Const")
            else { continue }
            let value: String
            if let text = tree.child(constant, "sval") {
                value = tree.string(text, "sval") ?? ""
            } else {
                let number = tree.child(constant, "ival").map { tree.integer($0, "ival") } ?? 0
                value = number == 0 ? "off" : "on"
            }
            let setting = "default_" + name
            out.effects.append(.set(name: setting, replay: Array("SET \(setting) = \(Self.quoted(value))".utf8)))
        }
    }

    /// With the temporary schema first in the path, a plain `CREATE TABLE` makes a temporary table.
    private func namesTemporarySchema(_ node: Int) -> Bool {
        tree.descendants(node).contains { tree.hasKey($0, "sval") && tree.isValue($0, "pg_temp") }
    }

    /// The server's own name of a setting: lower case, and today's for names it keeps for old clients.
    static func settingName(_ name: String) -> String {
        let lower = name.lowercased()
        switch lower {
        case "sort_mem": return "work_mem"
        case "vacuum_mem": return "maintenance_work_mem"
        default: return lower
        }
    }

    /// A string literal that means `text` whatever `standard_conforming_strings` is.
    static func quoted(_ text: String) -> String {
        let escaped = text.contains("\\")
        var out = escaped ? "E'" : "'"
        for character in text.unicodeScalars {
            if character == "'" || character == "\\" { out.unicodeScalars.append(character) }
            out.unicodeScalars.append(character)
        }
        return out + "'"
    }

    /// The bytes a statement is written in.
    func bytes(_ slice: Range<Int>, _ text: RawSpan) -> [UInt8] {
        let range = Int(tokens[slice.lowerBound].start)..<Int(tokens[slice.upperBound &- 1].end)
        return text.extracting(range).toArray()
    }
}
