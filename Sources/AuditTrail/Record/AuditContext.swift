import ByteKit
import Credentials

/// Who: what records of one session have in common.
public struct AuditSession: Sendable {
    /// The client's address as text (the real one, behind PROXY headers); empty for a unix socket.
    public var address = ""
    /// Its port; 0 for a unix socket.
    public var port: UInt16 = 0
    /// Load balancers in between, by their PROXY headers.
    public var via: [String] = []
    /// The listener's port; 0 for a unix socket.
    public var listenerPort: UInt16 = 0
    /// `postgresql`, `mysql` or `mariadb`: `db.system.name`.
    public var system = "postgresql"
    /// The name the client logged in with.
    public var user = ""
    /// The name servers know it by, where it is another one.
    public var effectiveUser: String?
    /// The application of the configuration it belongs to: `service.name`.
    public var app = "default"
    /// `db.namespace`.
    public var database = ""
    /// What it calls itself.
    public var applicationName = ""
    /// The driver, from connect attributes: `user_agent.original`.
    public var driver = ""
    /// How it proved who it is, for records of logins.
    public var authMethod = ""
    /// `1.3` and the like; nil without TLS.
    public var tlsVersion: String?
    public var tlsCipher = ""
    /// The subject and SHA-256 (hexadecimal) of its certificate; empty without one.
    public var tlsSubject = "", tlsCertificateHash = ""
    /// Unique over all nodes and times.
    public var id = ""
    /// The number the client sees (process id, connection id); 0: none.
    public var connectionID: UInt64 = 0

    /// Somebody of whom nothing is known.
    public init() {}
}

/// One thing a statement names.
public struct AuditObject: Sendable, Equatable {
    /// `table`, `function`, `sequence` and the like.
    public var type: String
    /// Empty where the statement does not say.
    public var schema: String
    public var name: String
    /// `read`, `write`, `ddl`, or empty where it cannot be told.
    public var access: String

    public init(type: String, schema: String = "", name: String, access: String = "") {
        self.type = type
        self.schema = schema
        self.name = name
        self.access = access
    }
}

/// What: what all executions of one text have in common.
public struct AuditShape: Sendable {
    /// `READ` and so on by our facts. Decides `event.category` and `event.type`.
    public var statementClass: StatementClass
    public var fingerprint: UInt64
    /// `UPDATE`: `db.operation.name`.
    public var operation = ""
    /// `UPDATE invoices`: `db.query.summary`, cut at 255 bytes.
    public var summary = ""
    /// What it names; the first 64 are recorded.
    public var objects: [AuditObject] = []
    /// Its text as the policy has it (never raw unless the policy is raw); nil: no text.
    public var text: [UInt8]?
    /// SHA-256 of the whole text, 32 bytes, where `text` was cut; the cut itself is the caller's.
    public var cutDigest: [UInt8]?
    /// How many literals and secrets are not in the text any more.
    public var redactions: UInt32 = 0

    public init(statementClass: StatementClass, fingerprint: UInt64) {
        self.statementClass = statementClass
        self.fingerprint = fingerprint
    }
}

/// Where: the server a statement was sent to.
public struct AuditBackend: Sendable {
    /// Name or address, and port (0 for a unix socket): `server.address`, `server.port`.
    public var address: String
    public var port: UInt16
    /// The cluster of the configuration.
    public var cluster = ""
    /// `primary`, `replica` or empty: not known.
    public var role = ""

    public init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}

extension String {
    fileprivate func shortened(to most: Int) -> String {
        utf8.count <= most ? self : String(decoding: Array(utf8.prefix(most)), as: UTF8.self)
    }
}

extension AuditSession {
    /// The same with every text cut, for one that would not fit the ring.
    func shortened(to most: Int) -> AuditSession {
        var short = self
        short.via = via.prefix(8).map { $0.shortened(to: most) }
        for path in [
            \AuditSession.address, \.user, \.app, \.database, \.applicationName, \.driver, \.authMethod, \.tlsCipher,
            \.tlsSubject, \.tlsCertificateHash, \.id,
        ] { short[keyPath: path] = self[keyPath: path].shortened(to: most) }
        short.effectiveUser = effectiveUser?.shortened(to: most)
        return short
    }
}

extension AuditShape {
    /// The same with its text cut (and the hash of what was given, if it was whole) and its names.
    func shortened(to most: Int) -> AuditShape {
        var short = self
        if let text, text.count > most {
            short.text = Array(text.prefix(most))
            short.cutDigest = cutDigest ?? text.withSpan { SHA256Value(of: $0) }.bytes
        }
        short.operation = operation.shortened(to: 64)
        short.summary = summary.shortened(to: 255)
        short.objects = objects.prefix(ShapePiece.mostObjects).map {
            AuditObject(
                type: $0.type.shortened(to: 32), schema: $0.schema.shortened(to: 128), name: $0.name.shortened(to: 128),
                access: $0.access)
        }
        return short
    }
}
