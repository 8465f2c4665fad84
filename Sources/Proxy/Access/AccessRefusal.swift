import MySQLWire
import PostgresWire

/// Why a client may not come in, whatever password it knows: PostgreSQL's words, for both protocols.
struct AccessRefusal: Error {
    let sqlstate: String
    let message: String
    var hint: String?
    /// What the log says instead.
    var logged: String?

    init(_ message: String, sqlstate: String = "28000", hint: String? = nil, logged: String? = nil) {
        self.sqlstate = sqlstate
        self.message = message
        self.hint = hint
        self.logged = logged
    }

    /// No rule fits; `client` is as PostgreSQL describes it.
    static func noEntry(_ client: String, file: String) -> AccessRefusal {
        AccessRefusal(
            "no pg_hba.conf entry for \(client)", hint: "The rules are those of the pooler: hba_file of its listener.",
            logged: "no rule of \(file) fits: \(client)")
    }

    /// A rule says `reject`.
    static func rejected(_ client: String, place: String) -> AccessRefusal {
        AccessRefusal(
            "pg_hba.conf rejects connection for \(client)",
            hint: "The rules are those of the pooler: hba_file of its listener.",
            logged: "the rule in \(place) rejects \(client)")
    }

    /// The same where nothing more is known.
    static func rejected(as user: String) -> AccessRefusal { AccessRefusal("pg_hba.conf rejects user \"\(user)\"") }

    /// As a wrong password reads.
    static func unknown(_ user: String) -> AccessRefusal {
        AccessRefusal(
            "password authentication failed for user \"\(user)\"", sqlstate: "28P01",
            logged: "there is no [user.\(user)]")
    }

    static func certificate(of user: String) -> AccessRefusal {
        AccessRefusal(
            "certificate authentication failed for user \"\(user)\"",
            hint: "The name in the client's certificate must be the user's, or be mapped to it by the ident file.")
    }

    static let noCertificate = AccessRefusal(
        "connection requires a valid client certificate",
        hint: "Connect with sslcert and sslkey, or ssl-cert and ssl-key.")

    static func peer(_ user: String) -> AccessRefusal {
        AccessRefusal(
            "Peer authentication failed for user \"\(user)\"",
            hint: "The name of the user of the system must be the same, or be mapped to it by the ident file.")
    }

    static let passwordInTheClear = AccessRefusal(
        "password authentication is only possible with TLS or over a unix socket",
        hint: "Connect with sslmode=require, or better verify-full.")
}

extension PostgresError {
    /// A refusal as PostgreSQL tells it.
    init(_ refusal: AccessRefusal) { self.init(.fatal, refusal.sqlstate, refusal.message, hint: refusal.hint) }
}

extension MySQLError {
    /// A refusal as MySQL's clients know it, with the reason behind it.
    init(_ refusal: AccessRefusal, user: String, host: String) {
        self.init(1045, "28000", "Access denied for user '\(user.prefix(128))'@'\(host)': \(refusal.message)")
    }
}
