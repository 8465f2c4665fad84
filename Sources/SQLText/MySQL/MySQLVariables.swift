/// What is to be known of a session variable by whoever carries a session from one server to another.
///
/// Read of MySQL 5.7 to 9.7 and MariaDB 10.11 (`performance_schema.variables_metadata`,
/// `information_schema.SYSTEM_VARIABLES`) and their manuals, MariaDB's up to 11.8.
public struct MySQLVariable: Sendable, Equatable {
    /// What becomes of a value that was set.
    public enum Handling: UInt8, Sendable {
        /// It stays until it is set again, and can be set anywhere else by the same statement.
        case replayed
        /// A word or two of the value are named and the rest stays as it was (`optimizer_switch`): only the server knows
        /// the whole.
        case replayedInParts
        /// Used up by a later statement (`insert_id`, `rand_seed1`): the server must stay until that has run.
        case once
        /// It makes the session another one (`pseudo_thread_id`), or leaves something behind that is asked for later
        /// (`profiling`).
        case pins
        /// How long the connection may do nothing: it concerns the client's connection, not the server's, which has many
        /// clients.
        case ofConnection
        /// What the server tells of its session in OK packets: a proxy sets these for its own use, and filters what each
        /// client asked for.
        case ofTracking
        /// Cannot be set in a session: the server refuses it, so nothing is to be done.
        case readOnly
    }

    /// The one name for it and for what is the same variable by another name, in lower case. Two names that cannot be set
    /// apart are one too: of `character_set_connection` and `collation_connection` the last one set decides both.
    public let name: String
    /// What becomes of it.
    public let handling: Handling
}

/// The session variables of MySQL and MariaDB.
public enum MySQLVariables {
    /// What is known of a variable by any of its names; of one that is not in the tables, that it is replayed.
    public static func of(_ name: String) -> MySQLVariable {
        let lower = name.lowercased()
        let one = aliases[lower] ?? lower
        return MySQLVariable(name: one, handling: handlings[one] ?? .replayed)
    }

    /// Names to replay late: a user variable's value is read under the character sets of the session.
    ///
    /// Everything before it can be set in any order.
    public static func comesLast(_ name: String) -> Bool { name.utf8.first == UInt8(ascii: "@") }

    private static let aliases: [String: String] = [
        "tx_isolation": "transaction_isolation", "tx_read_only": "transaction_read_only",
        "character_set_connection": "collation_connection", "character_set_database": "collation_database",
        "character_set_server": "collation_server", "identity": "last_insert_id",
        "storage_engine": "default_storage_engine", "pseudo_slave_mode": "pseudo_replica_mode",
        "sql_low_priority_updates": "low_priority_updates", "sql_max_join_size": "max_join_size",
        "tmp_memory_table_size": "tmp_table_size", "log_slow_query": "slow_query_log",
        "log_slow_query_time": "long_query_time", "log_slow_min_examined_row_limit": "min_examined_row_limit",
        "wsrep_causal_reads": "wsrep_sync_wait",
    ]

    private static let handlings: [String: MySQLVariable.Handling] = {
        var all: [String: MySQLVariable.Handling] = [:]
        let groups: [(MySQLVariable.Handling, String)] = [
            (.replayedInParts, "optimizer_switch optimizer_trace optimizer_trace_features debug"),
            (.once, "insert_id last_insert_id rand_seed1 rand_seed2 gtid_seq_no wsrep_gtid_seq_no"),
            (
                .pins,
                """
                gtid_next pseudo_thread_id pseudo_replica_mode debug_sync profiling immediate_server_version \
                original_commit_timestamp original_server_version require_row_format use_secondary_engine \
                sql_slave_skip_counter
                """
            ),
            (.ofConnection, "wait_timeout interactive_timeout"),
            (
                .ofTracking,
                """
                session_track_system_variables session_track_schema session_track_state_change \
                session_track_transaction_info resultset_metadata
                """
            ),
            (
                .readOnly,
                """
                error_count warning_count external_user proxy_user gtid_owned in_transaction last_gtid \
                max_allowed_packet net_buffer_length max_user_connections statement_id have_query_cache version hostname \
                port socket
                """
            ),
        ]
        for (handling, names) in groups {
            for name in names.split(separator: " ") { all[String(name)] = handling }
        }
        return all
    }()
}

/// Statements that set variables whose value is known from elsewhere than a text.
extension MySQLVariables {
    /// The statement that gives a variable the value a server told of it: in SESSION_TRACK_SYSTEM_VARIABLES, or as the
    /// text of `SELECT @@name`. It means the same under any `sql_mode`.
    ///
    /// `name` may be any of its names; the statement names the one that was given, but for isolation and access mode,
    /// which are set in a way that every version has. nil for what cannot be written so that it is certain.
    public static func assignment(_ name: String, value: [UInt8]) -> [UInt8]? {
        let lower = name.lowercased()
        switch of(lower).name {
        case "transaction_isolation": return TransactionMode.isolation(value)
        case "transaction_read_only": return TransactionMode.access(value)
        case _ where value.isEmpty && nullable.contains(lower):
            return Array("SET ".utf8) + written(lower) + Array(" = NULL".utf8)
        case "system_versioning_asof" where value.elementsEqual("DEFAULT".utf8):
            return Array("SET system_versioning_asof = DEFAULT".utf8)
        // Zero, or what it has by itself, says that it is the time that goes on.
        case "timestamp" where value.elementsEqual("0".utf8): return Array("SET timestamp = DEFAULT".utf8)
        case "database":
            guard let name = String(validating: value, as: UTF8.self) else { return nil }
            return Array("USE ".utf8) + SQLValue.quotedName(name)
        default:
            let literal = isNumber(value) ? value : SQLValue.string(value)
            return literal.map { Array("SET ".utf8) + written(lower) + Array(" = ".utf8) + $0 }
        }
    }

    /// What a server of this version calls it: isolation and access mode had other names once.
    public static func spoken(_ name: String, server: MySQLServerVersion?) -> String {
        guard server.map({ $0.isMariaDB ? $0.number < 110_101 : $0.number < 50_720 }) == true else { return name }
        switch name {
        case "transaction_isolation": return "tx_isolation"
        case "transaction_read_only": return "tx_read_only"
        default: return name
        }
    }

    /// The statement that takes a variable back to what a new session has; nil where there is none, and only a reset of
    /// the session does it.
    ///
    /// `server` decides what isolation and access mode are called.
    public static func reset(_ name: String, server: MySQLServerVersion?) -> [UInt8]? {
        let one = of(name).name
        switch one {
        case "transaction_isolation", "transaction_read_only":
            return Array("SET SESSION \(spoken(one, server: server)) = DEFAULT".utf8)
        case "database": return nil
        case "role": return server.map { $0.isMariaDB } ?? true ? nil : Array("SET ROLE DEFAULT".utf8)
        case "resource group": return Array("SET RESOURCE GROUP USR_default".utf8)
        case "foreign_key_checks", "unique_checks":
            // MySQL turns them off by `DEFAULT`.
            return Array("SET \(one) = @@global.\(one)".utf8)
        default:
            if one.utf8.first == UInt8(ascii: "@") {
                return Array("SET @".utf8) + SQLValue.quotedName(String(one.dropFirst())) + Array(" = NULL".utf8)
            }
            return Array("SET ".utf8) + written(one) + Array(" = DEFAULT".utf8)
        }
    }

    /// Variables without a value are told as empty, which none of these takes.
    private static let nullable: Set<String> = [
        "character_set_results", "default_tmp_storage_engine", "enforce_storage_engine",
        "innodb_ft_user_stopword_table",
        "innodb_tmpdir", "external_table_storage_engine", "external_table_secondary_storage_engine",
    ]

    /// A name as it is written in a statement.
    static func written(_ name: String) -> [UInt8] {
        let isPlain = name.utf8.allSatisfy { byte in
            CharacterClass.continuesWord(byte) && byte < 0x80 || byte == UInt8(ascii: ".")
        }
        if isPlain { return Array(name.utf8) }
        return Array(
            name.split(separator: ".", omittingEmptySubsequences: false)
                .map { SQLValue.quotedName(String($0)) }.joined(separator: [UInt8(ascii: ".")]))
    }

    /// `-12.5`: numbers must not be quoted, and nothing else looks like one.
    private static func isNumber(_ value: [UInt8]) -> Bool {
        var digits = 0
        var dots = 0
        for (index, byte) in value.enumerated() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits &+= 1
            case UInt8(ascii: "."): dots &+= 1
            case UInt8(ascii: "-") where index == 0: break
            default: return false
            }
        }
        return digits > 0 && dots <= 1
    }
}

/// Isolation and access mode have statements of their own, which every version has; the variables have two names.
enum TransactionMode {
    static func isolation(_ value: [UInt8]) -> [UInt8]? {
        let levels = ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
        let said = String(decoding: value, as: UTF8.self).uppercased()
        for (number, level) in levels.enumerated()
        where said == level || said == "\(number)" || said == String(level.map { $0 == " " ? "-" : $0 }) {
            return Array("SET SESSION TRANSACTION ISOLATION LEVEL \(level)".utf8)
        }
        return nil
    }

    static func access(_ value: [UInt8]) -> [UInt8]? {
        switch String(decoding: value, as: UTF8.self).uppercased() {
        case "ON", "TRUE", "1": Array("SET SESSION TRANSACTION READ ONLY".utf8)
        case "OFF", "FALSE", "0": Array("SET SESSION TRANSACTION READ WRITE".utf8)
        default: nil
        }
    }
}
