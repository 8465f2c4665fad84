import ByteKit
import SQLText

/// What makes two prepared statements the same on a server: the text, and what of the session it is read under.
struct MySQLStatementKey: Hashable {
    /// `StatementEntry.serial`.
    let text: UInt64
    /// Serial of the settings it was prepared under, as far as they matter.
    let context: UInt64
    /// Not 0 for a statement no other may share, since it has a cursor or long data.
    let own: UInt32
    /// The number of what its parameters were made: see `MySQLParameterTypes`.
    var types: UInt32 = 0

    /// The serials are small and of our own counting: they need no more stirring than one round gives.
    func hash(into hasher: inout Hasher) {
        hasher.combine(text &+ context &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(own) << 32 &+ UInt64(types) << 20)
    }

    /// The same with other types.
    func with(types: UInt32) -> MySQLStatementKey {
        var key = self
        key.types = types
        return key
    }
}

/// A prepared statement as one client knows it.
final class MySQLClientStatement {
    let id: UInt32
    /// Unique in the worker and never used again.
    let serial: UInt64
    let entry: StatementEntry
    /// The settings it was prepared under.
    let context: SettingsProfile
    let parameters: Int
    let columns: Int
    var key: MySQLStatementKey
    /// What servers are given to prepare.
    var sent: StatementEntry
    /// The types of the parameters as last sent, two bytes each; empty before the first execution.
    var types: [UInt8] = []
    /// Those before, while an execution with others runs.
    var earlierTypes: [UInt8] = []
    /// Names these types: another number whenever they change.
    var binding: UInt64
    /// What servers make of its parameters by now.
    var made: MySQLParameterTypes
    /// The number of that, and of what they were made before it.
    var typesNow: UInt32 = 0
    var typesBefore: UInt32 = 0
    /// Its rows are being fetched.
    var hasCursor = false
    /// The execution under way tells the server the types of the parameters.
    var tellsTypes = false
    /// Long data was sent for the next execution.
    var hasLongData = false
    /// Its text was too long to be kept: only the server it was prepared on has it.
    var isUntold = false

    init(id: UInt32, serial: UInt64, entry: StatementEntry, context: SettingsProfile, parameters: Int, columns: Int) {
        self.id = id
        self.serial = serial
        binding = serial
        self.entry = entry
        sent = entry
        self.context = context
        self.parameters = parameters
        self.columns = columns
        made = MySQLParameterTypes(count: parameters)
        key = MySQLStatementKey(text: entry.serial, context: context.affinity, own: 0)
    }
}

/// A client's prepared statements by the ids it was given, which begin at 1 and are never used again: a driver may close
/// late what it has lost sight of.
struct MySQLClientStatements {
    private var held: [UInt32: MySQLClientStatement] = [:]
    private var lastID: UInt32 = 0
    /// MariaDB: what id −1 stands for; nil after a COM_STMT_PREPARE that failed.
    var last: UInt32?
    /// The one asked for last: most clients execute one again and again.
    private var recent: MySQLClientStatement?

    var count: Int { held.count }

    /// The next id.
    mutating func nextID() -> UInt32 {
        repeat {
            lastID &+= 1
            // 0 and what MariaDB means by −1 are nobody's.
        } while lastID == 0 || lastID == .max || held[lastID] != nil
        return lastID
    }

    mutating func insert(_ statement: MySQLClientStatement) { held[statement.id] = statement }

    /// The statement of that id.
    mutating func find(_ id: UInt32) -> MySQLClientStatement? {
        if isRecent(id) { return recent }
        recent = held[id]
        return recent
    }

    /// Whether it is the one asked for last.
    func isRecent(_ id: UInt32) -> Bool { recent?.id == id }

    mutating func remove(_ id: UInt32) {
        if isRecent(id) { recent = nil }
        held[id] = nil
        if last == id { last = nil }
    }

    /// None of them is left; what comes has other ids all the same.
    mutating func removeAll() {
        held.removeAll()
        recent = nil
        last = nil
    }

    /// Every statement, in no order.
    func forEach(_ body: (MySQLClientStatement) -> Void) { held.values.forEach(body) }
}

/// What one server has prepared. Bounded: what no longer fits is closed there.
struct MySQLServerStatements {
    /// One statement. A class, so that what changes with every execution changes in place.
    final class Held {
        /// What the server calls it.
        let id: UInt32
        /// Which types of parameters it remembers: the `binding` they were sent with.
        var binder: UInt64 = 0
        fileprivate var usedAt: UInt64

        fileprivate init(id: UInt32, usedAt: UInt64) {
            self.id = id
            self.usedAt = usedAt
        }
    }

    private var held: [MySQLStatementKey: Held] = [:]
    /// The one used last, while nothing has been entered or removed since.
    private var recent: (key: MySQLStatementKey, held: Held)?
    private var clock: UInt64 = 0
    /// How many there may be.
    var limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { held.count }

    /// What the server calls it, nil if it does not have it.
    mutating func use(_ key: MySQLStatementKey) -> Held? {
        clock &+= 1
        if let recent, recent.key == key {
            recent.held.usedAt = clock
            return recent.held
        }
        guard let found = held[key] else { return nil }
        recent = (key, found)
        found.usedAt = clock
        return found
    }

    /// The statement of this key; where there is none, the one its parameters' types of before belong to, or none yet, is
    /// it from now on.
    mutating func use(_ key: MySQLStatementKey, typesBefore: UInt32) -> Held? {
        if let found = use(key) { return found }
        guard key.types != 0, key.own == 0,
            let found = held.removeValue(forKey: key.with(types: typesBefore))
                ?? held.removeValue(forKey: key.with(types: 0))
        else { return nil }
        held[key] = found
        return use(key)
    }

    /// Enters a statement; answers ids to be closed at the server: the one it replaces, one too many.
    mutating func insert(_ key: MySQLStatementKey, id: UInt32) -> [UInt32] {
        var closing: [UInt32] = []
        recent = nil
        if let before = held.removeValue(forKey: key) { closing.append(before.id) }
        while held.count >= max(1, limit), let oldest = held.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            held[oldest.key] = nil
            closing.append(oldest.value.id)
        }
        clock &+= 1
        held[key] = Held(id: id, usedAt: clock)
        return closing
    }

    /// What the server calls one of those that have no cursor and no long data; nil if there is none.
    var anyShared: UInt32? { held.first { $0.key.own == 0 }?.value.id }

    /// What the server calls them.
    var ids: [UInt32] { held.values.map(\.id) }

    mutating func remove(_ key: MySQLStatementKey) -> UInt32? {
        recent = nil
        return held.removeValue(forKey: key)?.id
    }

    /// Forgets all; answers what the server calls them.
    mutating func removeAll() -> [UInt32] {
        let ids = held.values.map(\.id)
        recent = nil
        held.removeAll()
        return ids
    }
}
