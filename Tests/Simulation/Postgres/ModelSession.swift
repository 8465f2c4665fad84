/// What a model server session consists of, and what its transactions take back.
struct ModelSession {
    /// What is taken back when a transaction rolls back.
    struct Changeable: Equatable {
        var settings: [String: String] = [:]
        var local: [String: String] = [:]
        var tables: Set<String> = []
    }

    static let defaults = ["work_mem": "4MB", "application_name": "", "lock_timeout": "0", "timezone": "UTC"]

    /// Values from the start-up packet, to which RESET goes back.
    let startup: [String: String]
    private(set) var now = Changeable()
    private var atStart: Changeable?
    private var savepoints: [(name: String, state: Changeable)] = []
    private(set) var isInBlock = false
    private(set) var isFailed = false
    var locks = 0

    init(startup: [String: String] = [:]) { self.startup = startup }

    subscript(name: String) -> String {
        now.local[name] ?? now.settings[name] ?? startup[name] ?? Self.defaults[name] ?? ""
    }

    var status: UInt8 { isFailed ? 0x45 : isInBlock ? 0x54 : 0x49 }

    /// A statement begins: there is a transaction from here on.
    mutating func willRun() {
        if atStart == nil { atStart = now }
    }

    mutating func begin() { isInBlock = true }

    mutating func commit() {
        now.local = [:]
        end()
    }

    mutating func rollback() {
        if let atStart { now = atStart }
        now.local = [:]
        end()
    }

    private mutating func end() {
        atStart = nil
        savepoints = []
        isInBlock = false
        isFailed = false
    }

    /// An error ends the transaction, or the innermost part of a block.
    mutating func fail() {
        if isInBlock {
            if !isFailed, let back = savepoints.last?.state ?? atStart { now = back }
            isFailed = true
        } else {
            rollback()
        }
    }

    mutating func savepoint(_ name: String) { savepoints.append((name, now)) }

    mutating func rollback(to name: String) -> Bool {
        guard let index = savepoints.lastIndex(where: { $0.name == name }) else { return false }
        now = savepoints[index].state
        savepoints.removeSubrange((index + 1)...)
        isFailed = false
        return true
    }

    mutating func release(_ name: String) -> Bool {
        guard let index = savepoints.lastIndex(where: { $0.name == name }) else { return false }
        savepoints.removeSubrange(index...)
        return true
    }

    mutating func set(_ name: String, _ value: String, isLocal: Bool) {
        if isLocal {
            now.local[name] = value
        } else {
            now.settings[name] = value
            now.local[name] = nil
        }
    }

    mutating func reset(_ name: String) {
        now.settings[name] = nil
        now.local[name] = nil
    }

    mutating func resetAll() {
        now.settings = [:]
        now.local = [:]
    }

    mutating func create(_ table: String) -> Bool { now.tables.insert(table).inserted }
    mutating func drop(_ table: String) -> Bool { now.tables.remove(table) != nil }
    mutating func dropAll() { now.tables = [] }
}
