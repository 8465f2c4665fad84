/// Functions of PostgreSQL that matter to a pooler.
enum SessionFunctions {
    /// What calling a function does to the session.
    static func effect(_ name: String) -> SessionEffect? {
        switch name {
        case "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared":
            .mayCreate(.advisoryLocks)
        case "pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all": .mayRelease(.advisoryLocks)
        case "dblink_connect", "dblink_connect_u", "pg_backup_start", "pg_start_backup",
            "pg_replication_origin_session_setup", "setseed", "set_limit":
            // A connection, a backup, an identity, a random seed, a threshold: each lives in the server session.
            .mayCreate(.unknown)
        case "dblink_disconnect", "pg_backup_stop", "pg_stop_backup", "pg_replication_origin_session_reset":
            .mayRelease(.unknown)
        default: nil
        }
    }

    /// Whether a function certainly changes nothing and may run on a standby.
    static func isReadOnly(_ name: String) -> Bool { builtins.contains(name) }

    private static let builtins: Set<String> = Set(
        ReadOnlyFunctions.names.split(separator: " ").map(String.init))
}
