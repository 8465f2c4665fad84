/// A statement while its facts are gathered.
struct StatementBuilder {
    var kind = StatementKind.unknown
    var effects: [SessionEffect] = []
    var writes = false
    var copies = false
    private(set) var tables: [String] = []
    private(set) var functions: [String] = []

    mutating func addTable(_ name: String) {
        if !name.isEmpty, !tables.contains(name) { tables.append(name) }
    }

    mutating func addFunction(_ name: String) {
        if !name.isEmpty, !functions.contains(name) { functions.append(name) }
    }

    /// Code runs that cannot be seen from here.
    mutating func mayDoAnything() {
        effects.append(.mayCreate(.unknown))
        effects.append(.mayRelease([.temporaryTables, .advisoryLocks, .holdCursors]))
    }

    func statement(_ range: Range<Int>) -> Statement {
        Statement(
            range: range, kind: kind, effects: effects, writes: writes, tables: tables, functions: functions)
    }
}
