/// `[[app]]`: an application, how its connections are told from others, and what it may use.
public struct AppSettings: Sendable, Hashable {
    /// What it is called in `SHOW APPS`, metrics and audit.
    public var name = ""
    /// Which connections are its own.
    public var match = AppMatch()
    /// How many clients it may have; 0 is no limit.
    public var maxClientConnections = 0
    /// How many servers it may have; 0 is no limit.
    public var maxServerConnections = 0
    /// How many statements it may run at once; 0 is no limit.
    public var maxConcurrentStatements = 0
    /// How many of its clients may wait for a server; 0 is no limit.
    public var maxWaiting = 0
    /// How many statements it may start a second on average; 0 is no limit.
    public var statementsPerSecond = 0
    /// How many it may start at once after a quiet time; 0 is as many as a second's.
    public var burst = 0
    /// How many bytes it may be sent a second; zero is no limit.
    public var bytesPerSecond = ByteSize.zero
    /// How many rows a statement may answer with; 0 is no limit.
    public var maxResultRows = 0
    /// How many bytes a statement may answer with; zero is no limit.
    public var maxResultBytes = ByteSize.zero
    /// How long the text of a statement may be; zero is no limit.
    public var maxStatementBytes = ByteSize.zero
    /// How long a statement may run; zero is no limit.
    public var statementTimeout = TimeSpan.zero
    /// How long a transaction may last; zero is no limit.
    public var transactionTimeout = TimeSpan.zero
    /// How long it may be idle in a transaction; zero is no limit.
    public var idleTransactionTimeout = TimeSpan.zero
    /// Whether it may only read.
    public var readOnly = false
    /// Its share when applications compete for the same servers.
    public var weight = 100

    /// An application that says nothing yet.
    public init() {}
}

/// Which connections belong to an application: all that is given must fit. `*` and `?` stand for any characters and
/// any one character.
public struct AppMatch: Sendable, Hashable {
    /// Patterns for the user.
    public var user: [String] = []
    /// Patterns for the database.
    public var database: [String] = []
    /// Patterns for the `application_name`.
    public var applicationName: [String] = []
    /// Where the client may come from.
    public var source: [AddressRange] = []
    /// Patterns for the subject of the client's certificate.
    public var certificate: [String] = []

    /// Every connection.
    public init() {}

    /// Whether every connection fits.
    public var isEverything: Bool { self == AppMatch() }
}

extension AppMatch {
    static let keys = SectionKeys(AppMatch.init) { k in
        let patterns = ValueType<String>.text.list(of: "patterns", orSingle: true)
        k.key("user", \.user, patterns, "Patterns for the user.")
        k.key("database", \.database, patterns, "Patterns for the database.")
        k.key("application_name", \.applicationName, patterns, "Patterns for the application_name.")
        k.key(
            "source", \.source, ValueType<AddressRange>.addressRange.list(of: "blocks of addresses", orSingle: true),
            "Where the client may come from.")
        k.key("certificate", \.certificate, patterns, "Patterns for the subject of the client's certificate.")
    }
}

extension AppSettings {
    static let keys = SectionKeys(AppSettings.init) { k in
        k.key(
            "name", \.name, .word("the name of the application", example: "checkout"), required: true,
            "What it is called in SHOW APPS, metrics and audit.")
        k.key(
            "match", \.match, .table(AppMatch.keys, example: "{ user = \"checkout\" }"),
            "Which connections are its own: all that is given must fit.")
        countKeys(&k)
        byteKeys(&k)
        k.key("statement_timeout", \.statementTimeout, .duration(), "How long a statement may run; 0s is no limit.")
        k.key(
            "transaction_timeout", \.transactionTimeout, .duration(), "How long a transaction may last; 0s is no limit."
        )
        k.key(
            "idle_transaction_timeout", \.idleTransactionTimeout, .duration(),
            "How long it may be idle in a transaction; 0s is no limit.")
        k.key("read_only", \.readOnly, .boolean, "Whether it may only read.")
        k.key(
            "weight", \.weight, .integer(1...10_000), "Its share when applications compete for the same servers.")
    }

    private static func countKeys(_ k: inout SectionKeys<AppSettings>) {
        let count = ValueType<Int>.integer(0...10_000_000)
        k.key(
            "max_client_connections", \.maxClientConnections, count,
            "How many clients it may have, more are refused; 0 is no limit.")
        k.key(
            "max_server_connections", \.maxServerConnections, count,
            "How many servers it may have, more clients wait; 0 is no limit.")
        k.key(
            "max_concurrent_statements", \.maxConcurrentStatements, count,
            "How many statements it may run at once; 0 is no limit.")
        k.key("max_waiting", \.maxWaiting, count, "How many of its clients may wait for a server; 0 is no limit.")
        k.key(
            "statements_per_second", \.statementsPerSecond, count,
            "How many statements it may start a second on average; 0 is no limit.")
        k.key(
            "burst", \.burst, count,
            "How many statements it may start at once after a quiet time; 0 is as many as a second's.")
    }

    private static func byteKeys(_ k: inout SectionKeys<AppSettings>) {
        k.key("bytes_per_second", \.bytesPerSecond, .size(), "How many bytes it may be sent a second; 0 is no limit.")
        k.key(
            "max_result_rows", \.maxResultRows, .integer(0 ... .max),
            "How many rows a statement may answer with; 0 is no limit.")
        k.key(
            "max_result_bytes", \.maxResultBytes, .size(),
            "How many bytes a statement may answer with; 0 is no limit.")
        k.key(
            "max_statement_bytes", \.maxStatementBytes, .size(),
            "How long the text of a statement may be; 0 is no limit.")
    }
}
