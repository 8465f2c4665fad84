/// A statement while its facts are gathered.
struct StatementBuilder {
    var kind = StatementKind.unknown
    var effects: [SessionEffect] = []
    var writes = false
    var copies = false
    private(set) var tables: [String] = []
    private(set) var functions: [String] = []
    // A statement may name a hundred thousand things: finding them again must not take the square of that.
    private var seenTables: Set<String> = []
    private var seenFunctions: Set<String> = []

    mutating func addTable(_ name: String) {
        if !name.isEmpty, seenTables.insert(name).inserted { tables.append(name) }
    }

    mutating func addFunction(_ name: String) {
        if !name.isEmpty, seenFunctions.insert(name).inserted { functions.append(name) }
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
