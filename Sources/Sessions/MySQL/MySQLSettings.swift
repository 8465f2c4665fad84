import ByteKit

/// The settings of MySQL sessions as `SettingsProfile` holds them: an entry for a variable is the assignment that makes it
/// again, as it stands in `SET`.
enum MySQLSettings {
    /// The schema; its entry is the plain name, and it goes over with COM_INIT_DB.
    static let database = "database"
    /// What `SET NAMES` and `SET CHARACTER SET` say. `!` sorts before all variables: those it changes come behind it.
    static let names = "!names"

    /// Variables that `SET NAMES` sets, and that are set anew by it whatever they were.
    static let ofNames: Set<String> = [
        "character_set_client", "character_set_connection", "character_set_results", "collation_connection",
    ]

    /// One `SET` that leads from one profile to another; empty if there is nothing to set.
    static func assignments(from: SettingsProfile, to: SettingsProfile) -> [UInt8] {
        var out: [UInt8] = []
        func add(_ text: [UInt8]) {
            out.append(contentsOf: out.isEmpty ? Array("SET ".utf8) : [0x2C])
            out.append(contentsOf: text)
        }
        // What SET NAMES changes goes with it: all of it is said again.
        let namesDiffer =
            from[names] != to[names] || ofNames.contains { from[$0] != nil && to[$0] == nil }
        if namesDiffer, let replay = to[names]?.replay { add(replay) }
        for entry in from.entries where entry.name != database && entry.name != names && to[entry.name] == nil {
            if namesDiffer, ofNames.contains(entry.name) { continue }
            add(Array(entry.name.utf8) + (entry.name.hasPrefix("@") ? Array("=NULL".utf8) : Array("=DEFAULT".utf8)))
        }
        for entry in to.entries where entry.name != database && entry.name != names {
            let isSame = from[entry.name] == entry && !(namesDiffer && ofNames.contains(entry.name))
            guard !isSame, let replay = entry.replay else { continue }
            add(replay)
        }
        return out
    }

    /// The assignment that gives a system variable the value a server has reported of it.
    static func assignment(_ name: String, reported value: RawSpan) -> [UInt8] {
        Array(name.utf8) + [0x3D] + (isNumber(value) ? value.toArray() : literal(value))
    }

    private static func isNumber(_ value: RawSpan) -> Bool {
        guard value.byteCount > 0, value.byteCount <= 24 else { return false }
        var digits = 0
        for at in 0..<value.byteCount {
            switch value.u8(at: at) {
            case 0x30...0x39: digits &+= 1
            case UInt8(ascii: "-") where at == 0, UInt8(ascii: ".") where digits > 0: break
            default: return false
            }
        }
        return digits > 0
    }

    /// A string that every `sql_mode` and character set reads alike: quoted if there is nothing to quote in it, else in
    /// hexadecimal.
    static func literal(_ value: RawSpan) -> [UInt8] {
        var isPlain = true
        for at in 0..<value.byteCount {
            switch value.u8(at: at) {
            case 0x20...0x26, 0x28...0x5B, 0x5D...0x7E: break
            default: isPlain = false
            }
        }
        if isPlain { return [0x27] + value.toArray() + [0x27] }
        return Array("_utf8mb4 0x".utf8) + Hex.encode(value)
    }
}
