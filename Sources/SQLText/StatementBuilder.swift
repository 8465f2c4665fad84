/// A statement while its facts are gathered.
struct StatementBuilder {
    var kind = StatementKind.unknown
    var effects: [SessionEffect] = []
    var writes = false
    var copies = false
    var traits = StatementTraits()
    var kill: KillStatement?
    var named: [NamedState] = []
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

    /// The setting `name` is made `value` by `replay`. Half a DateStyle keeps the other half of what was in force: the
    /// server knows the whole.
    mutating func set(_ name: String, to value: some Collection<UInt8>, replay: [UInt8]) {
        let isHalf = name == "datestyle" && !value.contains(0x2C)
        effects.append(isHalf ? .setComputed(name: name) : .set(name: name, replay: replay))
    }

    /// Code runs that cannot be seen from here.
    mutating func mayDoAnything() {
        effects.append(.mayCreate(.unknown))
        effects.append(.mayRelease([.temporaryTables, .advisoryLocks, .holdCursors]))
    }

    func statement(_ range: Range<Int>, reads: SessionReads? = nil) -> Statement {
        let isRare = kill != nil || reads != nil || !named.isEmpty
        return Statement(
            range: range, kind: kind, effects: effects, writes: writes, tables: tables, functions: functions,
            traits: traits, details: isRare ? StatementDetails(kill: kill, reads: reads, named: named) : nil)
    }
}
