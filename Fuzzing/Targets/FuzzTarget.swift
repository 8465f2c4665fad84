import ByteKit

/// What hostile bytes are thrown at. Nothing may trap; what else must hold, each target says.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// Framing, start-up packets, errors, and the cursors all message parsers read with.
    case wire
    /// Lexer, redactor, fingerprint, quick look and facts, in both dialects.
    case sql
    /// SCRAM on both sides, MD5, verifiers, secrets.
    case credentials
    /// The configuration.
    case settings
    /// Logins, the client's and the server's side.
    case logins
    /// Headers of the PROXY protocol.
    case proxyheader
    /// The session engine between a hostile client and a hostile server.
    case relay
    /// Packets, replies and logins of MySQL.
    case mysql
    /// What MySQL's statements do to their sessions, as all kinds of sessions read them.
    case mysqltext
    /// Compressed packets of MySQL.
    case compression
    /// Files of the audit trail.
    case audit

    /// Feeds it `input`; nil if everything held, else what did not.
    package func run(_ input: [UInt8]) -> String? {
        switch self {
        case .wire: WireFuzz.run(input)
        case .sql: SQLFuzz.run(input)
        case .credentials: CredentialsFuzz.run(input)
        case .settings: SettingsFuzz.run(input)
        case .logins: LoginFuzz.run(input)
        case .proxyheader: ProxyHeaderFuzz.run(input)
        case .relay: RelayFuzz.run(input)
        case .mysql: MySQLFuzz.run(input)
        case .mysqltext: MySQLTextFuzz.run(input)
        case .compression: CompressionFuzz.run(input)
        case .audit: AuditFuzz.run(input)
        }
    }
}

/// Takes an input apart: numbers for choices from its front, bytes for what is fed.
struct Dice {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isEmpty: Bool { position >= bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        position += 1
        return bytes[position - 1]
    }

    mutating func below(_ limit: Int) -> Int { Int(byte()) % max(1, limit) }

    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + max(0, count))
        defer { position = end }
        return Array(bytes[position..<end])
    }

    mutating func rest() -> [UInt8] { take(bytes.count) }
}
