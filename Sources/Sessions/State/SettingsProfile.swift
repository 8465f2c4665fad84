import ByteKit

/// One session setting a client has made: the name in its canonical form and a statement that makes it again in another
/// server session.
public struct SettingEntry: Hashable, Sendable {
    /// Lower-case name of the parameter; `role` and `session_authorization` are parameters too.
    public let name: String
    /// One complete SQL statement without a semicolon; nil when the value in that session is not known, which equals no
    /// client's wish and so is always set again.
    public let replay: [UInt8]?

    /// A setting that `replay` makes again.
    public init(name: String, replay: [UInt8]?) {
        self.name = name
        self.replay = replay
    }
}

/// The session settings of one client or one server connection that differ from the server's defaults. Interned by
/// `ProfileTable`: two sessions with the same settings hold the same object, so comparing is comparing pointers.
public final class SettingsProfile {
    /// Sorted by name, one entry a name.
    public let entries: [SettingEntry]
    /// Unique within the table, never used again.
    let serial: UInt64

    /// A number that is the same for the same settings in one worker, for choosing a server that has them already.
    public var affinity: UInt64 { serial }

    fileprivate init(entries: [SettingEntry], serial: UInt64) {
        self.entries = entries
        self.serial = serial
    }

    /// The entry for `name`.
    public subscript(name: String) -> SettingEntry? { entries.first { $0.name == name } }
}

/// All profiles of one worker, and the statements that lead from one to another.
public final class ProfileTable {
    private var profiles: [[SettingEntry]: SettingsProfile] = [:]
    private var replays: [UInt64: [UInt8]] = [:]
    private var nextSerial: UInt64 = 1
    private let mixer = Hash64()
    /// No settings at all.
    public let empty: SettingsProfile

    /// A table that knows the empty profile.
    public init() {
        empty = SettingsProfile(entries: [], serial: 0)
        profiles[[]] = empty
    }

    /// The one profile with these entries; they need not be sorted, the last entry for a name counts.
    public func intern(_ entries: [SettingEntry]) -> SettingsProfile {
        var unique: [String: SettingEntry] = [:]
        for entry in entries { unique[entry.name] = entry }
        let sorted = unique.values.sorted { $0.name < $1.name }
        if let known = profiles[sorted] { return known }
        if profiles.count >= 1024 { sweep() }
        let made = SettingsProfile(entries: sorted, serial: nextSerial)
        nextSerial &+= 1
        profiles[sorted] = made
        return made
    }

    /// `profile` with one entry replaced or added.
    public func setting(_ entry: SettingEntry, in profile: SettingsProfile) -> SettingsProfile {
        if profile[entry.name] == entry { return profile }
        return intern(profile.entries.filter { $0.name != entry.name } + [entry])
    }

    /// `profile` without `name`.
    public func removing(_ name: String, from profile: SettingsProfile) -> SettingsProfile {
        guard profile[name] != nil else { return profile }
        return intern(profile.entries.filter { $0.name != name })
    }

    /// The text of the simple Query that turns a session with profile `from` into one with profile `to`; empty when
    /// there is nothing to do.
    public func replay(from: SettingsProfile, to: SettingsProfile) -> [UInt8] {
        if from === to { return [] }
        let key = mixer.mix(from.serial, to.serial)
        if let known = replays[key] { return known }
        let text = Self.statements(from: from, to: to)
        if replays.count >= 1024 { replays.removeAll(keepingCapacity: true) }
        replays[key] = text
        return text
    }

    /// Privileges first back to the login user, then everything else, then the wanted identity, since the right to set a
    /// parameter may depend on the role.
    private static func statements(from: SettingsProfile, to: SettingsProfile) -> [UInt8] {
        let identity = ["session_authorization", "role"]
        var out: [UInt8] = []
        func add(_ text: [UInt8]) {
            if !out.isEmpty { out.append(0x3B) }
            out.append(contentsOf: text)
        }
        let identityDiffers = identity.contains { from[$0] != to[$0] }
        if identityDiffers {
            if from["role"] != nil { add(Array("RESET ROLE".utf8)) }
            if from["session_authorization"] != nil { add(Array("RESET SESSION AUTHORIZATION".utf8)) }
        }
        for entry in from.entries where !identity.contains(entry.name) && to[entry.name] == nil {
            add(Array("RESET ".utf8) + SettingText.name(entry.name))
        }
        for entry in to.entries where !identity.contains(entry.name) && from[entry.name] != entry {
            guard let replay = entry.replay else { continue }
            // A value such as 'ISO' leaves the order of day and month as it was before.
            if entry.name == "datestyle" && from[entry.name] != nil { add(Array("RESET datestyle".utf8)) }
            add(replay)
        }
        if identityDiffers {
            for name in identity { if let replay = to[name]?.replay { add(replay) } }
        }
        return out
    }

    private func sweep() {
        for key in Array(profiles.keys) where !key.isEmpty {
            // Held by the table alone: no session has it any more.
            if isKnownUniquelyReferenced(&profiles[key]) { profiles[key] = nil }
        }
        replays.removeAll(keepingCapacity: true)
    }
}

/// Writing names and values of settings into SQL.
public enum SettingText {
    /// A parameter's name, each part quoted (`a.b` → `"a"."b"`).
    public static func name(_ name: String) -> [UInt8] {
        var out: [UInt8] = [0x22]
        for byte in name.utf8 where byte != 0 {
            if byte == 0x2E {
                out.append(contentsOf: [0x22, 0x2E, 0x22])
            } else {
                if byte == 0x22 { out.append(0x22) }
                out.append(byte)
            }
        }
        out.append(0x22)
        return out
    }

    /// Whether a setting says who the session is: `RESET ALL` leaves it alone.
    public static func isIdentity(_ name: String) -> Bool { name == "role" || name == "session_authorization" }

    /// A value as a string literal that means the same whatever `standard_conforming_strings` is.
    public static func literal(_ value: String) -> [UInt8] {
        var out: [UInt8] = value.utf8.contains(0x5C) ? [0x20, 0x45, 0x27] : [0x27]
        for byte in value.utf8 where byte != 0 {
            if byte == 0x27 || byte == 0x5C { out.append(byte) }
            out.append(byte)
        }
        out.append(0x27)
        return out
    }

    /// The call of `set_config` that gives `name` a `value` as `current_setting` shows it.
    public static func configuration(_ name: String, _ value: String) -> [UInt8] {
        Array("SELECT pg_catalog.set_config(".utf8) + literal(name) + [0x2C] + literal(value) + Array(",false)".utf8)
    }

    /// The statement that gives `name` the `value` a client asked for at start-up.
    ///
    /// List parameters whose elements are identifiers (`search_path`) would take a quoted literal for one element, so
    /// these go through `set_config`, which parses the value as the start-up packet does.
    public static func assignment(_ name: String, _ value: String) -> [UInt8] {
        let lists: Set<String> = [
            "search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries",
            "shared_preload_libraries", "unix_socket_directories",
        ]
        if lists.contains(name) { return configuration(name, value) }
        return Array("SET ".utf8) + Self.name(name) + Array(" TO ".utf8) + literal(value)
    }
}
