/// Which protocol a listener or cluster speaks.
public enum ProtocolKind: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// PostgreSQL, protocol 3.
    case postgres
    /// MySQL and MariaDB.
    case mysql

    static var aliases: [String: ProtocolKind] { ["postgresql": .postgres, "mariadb": .mysql] }
}

/// How long a client keeps the server it was given.
public enum PoolMode: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Until it disconnects.
    case session
    /// Until its transaction ends.
    case transaction
    /// Until its statement ends; transactions of several statements are refused.
    case statement
}

/// How a client proves who it is.
public enum AuthMethod: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Not at all: for tests and demonstrations.
    case trust
    /// With the password as it is.
    case plain = "password"
    /// With an MD5 hash of the password.
    case md5
    /// With SCRAM-SHA-256.
    case scramSHA256 = "scram-sha-256"
    /// With the name in its certificate.
    case certificate = "cert"

    static var aliases: [String: AuthMethod] { ["plain": .plain, "scram": .scramSHA256] }
}

/// Which statements may go to replicas.
public enum ReadRouting: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// None.
    case off
    /// Reads, and transactions whose first statement allows it.
    case replicas
}

/// How fresh a read must be that goes to a replica.
public enum ReadConsistency: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// As fresh as any eligible replica is.
    case eventual
    /// Not older than `max_replica_lag`.
    case bounded
    /// A client reads its own writes.
    case session
    /// Reads go to the primary.
    case strict
}

/// What happens to session state that pooling would lose.
public enum SessionStatePolicy: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// What can be replayed is replayed; what cannot pins the client to its server.
    case auto
    /// Every change of session state pins.
    case pin
    /// What cannot be replayed is refused.
    case reject
}

/// Whether and how TLS is used, in libpq's words.
public enum TLSMode: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Never.
    case disable
    /// When the peer wants it.
    case prefer
    /// Always.
    case require
    /// Always, with a certificate signed by `tls_ca`.
    case verifyCA = "verify-ca"
    /// Always, with a certificate signed by `tls_ca` for the name of the peer.
    case verifyFull = "verify-full"

    static var aliases: [String: TLSMode] { ["allow": .prefer] }
}

/// A version of TLS.
public enum TLSVersion: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// TLS 1.2.
    case v1_2 = "1.2"
    /// TLS 1.3.
    case v1_3 = "1.3"

    static var aliases: [String: TLSVersion] { ["TLSv1.2": .v1_2, "TLSv1.3": .v1_3] }
}

/// How much is logged.
public enum LogLevel: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Everything, for developers.
    case debug
    /// What happens in the ordinary course.
    case info
    /// What somebody should look at.
    case warning
    /// What went wrong.
    case error

    static var aliases: [String: LogLevel] { ["notice": .info, "warn": .warning] }
}
