/// Where users without a `[user.NAME]` are looked up: `auth_user`, `auth_query`, `auth_dbname`, as PgBouncer has them.
public struct AuthQuerySettings: Sendable, Hashable {
    /// Who asks; nil is: nobody is looked up.
    public var user: String?
    /// What is asked.
    public var query: String?
    /// The `[database.NAME]` that is asked.
    public var database: String?

    /// Nothing is looked up.
    public init() {}

    /// PgBouncer's own query with every name qualified. Whose time is over has no password (CVE-2025-2291).
    public static let usualQuery = """
        SELECT rolname, CASE WHEN rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() THEN NULL \
        ELSE rolpassword END FROM pg_catalog.pg_authid \
        WHERE rolname OPERATOR(pg_catalog.=) $1 AND rolcanlogin
        """

    static let keys = SectionKeys(AuthQuerySettings.init) { k in
        k.optional(
            "auth_user", \.user, .word("the name of a [user.NAME]", example: "headgate_auth"),
            "Who looks up users that have no [user.NAME]; without it nobody is looked up.")
        k.optional(
            "auth_query", \.query, .text,
            "What looks up a user, $1, and answers with its name and its secret; by default pg_catalog.pg_authid is asked. "
                + "The search_path is pg_catalog, so other names need their schema.")
        k.optional(
            "auth_dbname", \.database, .word("the name of a [database.NAME]", example: "auth"),
            "The [database.NAME] that is asked; by default the one the client wants.")
    }
}

/// One place where users are looked up.
public struct AuthSource: Sendable, Hashable {
    /// Who asks: a `[user.NAME]`.
    public let user: String
    /// What is asked.
    public let query: String
    /// The `[database.NAME]` that is asked.
    public let database: String
}

extension Configuration {
    /// Where users are looked up that want to use `database`, which need not exist; nil if nowhere.
    public func authSource(_ name: String) -> AuthSource? {
        let own = databases[name]
        let settings = own ?? database(name)
        guard let user = settings?.auth.user ?? general.auth.user else { return nil }
        // What a client makes up is no place to ask.
        let target = settings?.auth.database ?? general.auth.database ?? (own == nil ? nil : name)
        guard let target, let asked = databases[target], clusters[asked.cluster]?.protocolKind == .postgres else {
            return nil
        }
        let query = settings?.auth.query ?? general.auth.query ?? AuthQuerySettings.usualQuery
        return AuthSource(user: user, query: query, database: target)
    }
}
