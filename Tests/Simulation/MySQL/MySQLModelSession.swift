/// What a model server session consists of.
struct MySQLModelSession {
    struct Condition {
        let level: String
        let code: UInt16
        let message: String
    }

    static let defaults = [
        "autocommit": "1", "time_zone": "SYSTEM", "group_concat_max_len": "1048576", "sql_safe_updates": "0",
        "lc_time_names": "en_US", "sql_mode": "",
    ]
    private static let switches: Set<String> = [
        "autocommit", "sql_safe_updates", "session_track_schema", "session_track_state_change",
    ]

    /// What it was logged in with.
    private let charset: String
    private(set) var variables: [String: String] = [:]
    private(set) var names: [String: String]
    var userVariables: [String: String?] = [:]
    var schema: String
    var isInTransaction = false
    var lastInsertID: UInt64 = 0
    var rowCount: Int64 = 0
    var foundRows = 0
    var conditions: [Condition] = []
    /// Temporary ones.
    var tables: Set<String> = []
    var locks: [String: Int] = [:]

    init(schema: String, charset: String) {
        self.schema = schema
        self.charset = charset
        names = Self.names(charset, nil)
    }

    static func names(_ charset: String, _ collation: String?) -> [String: String] {
        let usual = charset == "latin1" ? "latin1_swedish_ci" : "\(charset)_general_ci"
        return [
            "character_set_client": charset, "character_set_connection": charset, "character_set_results": charset,
            "collation_connection": collation ?? usual,
        ]
    }

    var isAutocommit: Bool { variables["autocommit"] != "0" }
    var tracksAll: Bool { variables["session_track_system_variables"] == "*" }
    var tracksState: Bool { variables["session_track_state_change"] == "1" }

    /// What COM_RESET_CONNECTION leaves.
    var fresh: MySQLModelSession {
        var fresh = MySQLModelSession(schema: schema, charset: charset)
        // MariaDB does not take it back.
        fresh.foundRows = foundRows
        return fresh
    }

    /// As `SELECT @@name` shows it; nil for none it knows.
    func shown(_ name: String) -> String? { variables[name] ?? names[name] ?? Self.defaults[name] }

    /// As the session tracker tells it.
    func told(_ name: String) -> String {
        let value = shown(name) ?? ""
        return Self.switches.contains(name) ? value == "1" ? "ON" : "OFF" : value
    }

    /// Whether the value can be had; sets it.
    mutating func set(_ name: String, _ value: String?) -> Bool {
        guard let value else {
            variables[name] = nil
            return true
        }
        if Self.switches.contains(name) {
            guard let bit = ["0": "0", "1": "1", "off": "0", "on": "1"][value.lowercased()] else { return false }
            variables[name] = bit
        } else if names[name] != nil {
            names[name] = value
        } else {
            variables[name] = value
        }
        return true
    }

    mutating func setNames(_ charset: String, _ collation: String?) { names = Self.names(charset, collation) }

    /// The names of what must be known of whoever carries it elsewhere.
    var carried: [String] {
        let set = variables.filter { name, value in
            !name.hasPrefix("session_track") && Self.defaults[name] != value
        }
        return set.keys.sorted() + userVariables.filter { $0.value != nil }.map { "@" + $0.key }.sorted()
    }
}
