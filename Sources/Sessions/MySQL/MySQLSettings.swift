import ByteKit
import SQLText

/// The settings of MySQL sessions as `SettingsProfile` holds them: an entry's name is that of `MySQLVariables`, its replay
/// a whole statement.
enum MySQLSettings {
    /// The schema; its replay is the plain name, and it goes over with COM_INIT_DB.
    static let database = "database"

    /// Kept by a server until a statement has made an id of it; 0 when that has happened.
    static let insertID = "insert_id"

    /// What `SET NAMES` sets. Every session has them: they begin with what the client asked for when it logged in.
    static let ofNames = ["character_set_client", "character_set_results", "collation_connection"]

    /// What Headgate sets for its own use: servers have the client's values only while a statement reads them.
    static let ofTracking = [
        "session_track_system_variables", "session_track_schema", "session_track_state_change",
    ]

    /// The statement that gives a server the client's values of these.
    static func tracking(_ settings: SettingsProfile) -> [UInt8] {
        joined(ofTracking.map { settings[$0]?.replay ?? Array("SET \($0) = DEFAULT".utf8) })
    }

    /// What `SET NAMES` leaves. MariaDB keeps the collation in all three, though two of them show the character set only:
    /// so each is made again by the whole of it.
    static func names(_ charset: String, _ collation: String?) -> [SettingEntry] {
        let replay = Array("SET NAMES '\(charset)'\(collation.map { " COLLATE '\($0)'" } ?? "")".utf8)
        return ofNames.map { SettingEntry(name: $0, replay: replay) }
    }

    /// Entries and a context, whose `SET NAMES` is not to be undone by that of the results' character set.
    static func named(_ entries: [SettingEntry], _ context: SettingsProfile) -> [SettingEntry] {
        guard let replay = context["character_set_client"]?.replay, saysNames(replay) else {
            return entries + context.entries
        }
        let others = entries.filter { $0.name != "character_set_results" }
        return others + context.entries + [SettingEntry(name: "character_set_results", replay: replay)]
    }

    private static func saysNames(_ statement: [UInt8]) -> Bool { statement.starts(with: "SET NAMES ".utf8) }

    /// What has to be said to get from one profile to another.
    struct Change {
        /// COM_RESET_CONNECTION comes first: something cannot be taken back otherwise.
        var isReset = false
        /// Then this schema.
        var database: [UInt8]?
        /// Then these queries.
        var queries: [[UInt8]] = []
    }

    static func change(from: SettingsProfile, to: SettingsProfile, server: MySQLServerVersion?) -> Change {
        var change = Change()
        var assignments: [[UInt8]] = []
        var ofUser: [[UInt8]] = []
        func add(_ name: String, _ statement: [UInt8]) {
            if MySQLVariables.comesLast(name) {
                ofUser.append(statement)
            } else if isAssignment(statement) {
                assignments.append(statement)
            } else {
                change.queries.append(statement)
            }
        }
        for entry in from.entries where to[entry.name] == nil && !ofTracking.contains(entry.name) {
            guard let statement = MySQLVariables.reset(entry.name, server: server) else {
                change.isReset = change.isReset || entry.name != database
                continue
            }
            add(entry.name, entry.name.hasPrefix("@") ? unset(statement) : statement)
        }
        if change.isReset {
            // Nothing is left to be taken back, and everything is to be said.
            (assignments, ofUser, change.queries) = ([], [], [])
        }
        let isNamed = ofNames.contains { name in
            (change.isReset || from[name] != to[name]) && to[name]?.replay.map(saysNames) == true
        }
        if isNamed {
            // They set all three: first they, then what was set apart.
            for name in ofNames {
                if let replay = to[name]?.replay, saysNames(replay), !assignments.contains(replay) {
                    assignments.append(replay)
                }
            }
        }
        for entry in to.entries where change.isReset || from[entry.name] != entry || isNamed {
            guard let replay = entry.replay else { continue }
            if saysNames(replay) || ofTracking.contains(entry.name) { continue }
            let isUndone = isNamed && ofNames.contains(entry.name)
            if !isUndone, !change.isReset, from[entry.name] == entry { continue }
            if entry.name == database {
                change.database = replay
            } else {
                add(entry.name, isNull(entry) && from[entry.name] != nil ? unset(replay) : replay)
            }
        }
        if !assignments.isEmpty { change.queries.append(joined(assignments)) }
        if !ofUser.isEmpty { change.queries.append(joined(ofUser)) }
        return change
    }

    /// A plain string has the character set and collation of the session it is written in: the replay is made to say so.
    /// nil where these are not known by name, or where the server has not taken the bytes as they came.
    static func collated(_ replay: [UInt8], _ settings: SettingsProfile) -> [UInt8]? {
        guard let introducer = UserVariableString.introducer(in: replay) else { return replay }
        guard let (charset, collation) = charset(settings["collation_connection"]), !ofWideUnits.contains(charset),
            isASCII(replay, value: introducer.upperBound)
                || self.charset(settings["character_set_client"])?.charset == charset
        else { return nil }
        return replay[..<introducer.lowerBound] + Array("_\(charset)".utf8) + replay[introducer.upperBound...]
            + (collation.map { Array(" COLLATE '\($0)'".utf8) } ?? [])
    }

    /// The value is `'…'` or ` X'…'`.
    private static func isASCII(_ replay: [UInt8], value: Int) -> Bool {
        guard replay[value...].starts(with: " X'".utf8) else { return replay.allSatisfy { $0 < 0x80 } }
        return stride(from: value &+ 3, to: replay.count &- 1, by: 2).allSatisfy { replay[$0] < UInt8(ascii: "8") }
    }

    /// Character sets in which ASCII is not written as in ASCII.
    private static let ofWideUnits: Set = ["ucs2", "utf16", "utf16le", "utf32"]

    /// What `SET collation_connection = 'x'`, `SET character_set_client = 'x'` and `SET NAMES 'x' COLLATE 'y'` leave.
    private static func charset(_ entry: SettingEntry?) -> (charset: String, collation: String?)? {
        guard let said = entry?.replay, said.last == 0x27 else { return nil }
        let words = String(decoding: said, as: UTF8.self).split { !($0.isLetter || $0.isNumber || $0 == "_") }
        guard let last = words.last, words.count >= 3, words[0] == "SET" else { return nil }
        guard words[1] == "collation_connection" || words.count == 5 else { return (String(last), nil) }
        return (String(last.prefix { $0 != "_" }), String(last))
    }

    /// `SET @a = NULL` leaves the collation `@a` had; that of a variable never set is `binary`.
    private static func unset(_ statement: [UInt8]) -> [UInt8] {
        let variable = statement.dropFirst(prefix.count).dropLast(" = NULL".utf8.count)
        return prefix + variable + Array(" = _binary'',".utf8) + variable + Array(" = NULL".utf8)
    }

    /// It is `SET @a = NULL`, which on another server must not leave the collation of somebody else's.
    private static func isNull(_ entry: SettingEntry) -> Bool {
        entry.name.hasPrefix("@") && entry.replay?.suffix(7).elementsEqual(" = NULL".utf8) == true
    }

    private static let prefix = Array("SET ".utf8)

    /// `SET name = …`, several of which make one statement; not `SET SESSION TRANSACTION`, `SET ROLE`.
    private static func isAssignment(_ statement: [UInt8]) -> Bool {
        guard statement.starts(with: prefix) else { return false }
        return !["SET SESSION TRANSACTION", "SET ROLE", "SET RESOURCE"].contains { statement.starts(with: $0.utf8) }
    }

    private static func joined(_ statements: [[UInt8]]) -> [UInt8] {
        prefix + Array(statements.map { $0.dropFirst(prefix.count) }.joined(separator: [0x2C]))
    }
}
