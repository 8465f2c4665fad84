/// When a statement may go on: how much of its record must be safe by then.
public enum AuditMode: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Nothing; under overload records are dropped and counted.
    case relaxed
    /// It is on its way and will be on disk within the commit interval; under overload the statement waits.
    case buffered
    /// It is on disk.
    case strict
}

/// How much of a statement's text a record has.
public enum AuditText: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Nothing.
    case none
    /// The text with every literal replaced and comments gone.
    case normalized
    /// The text with every literal replaced.
    case redacted
    /// The text as it was sent.
    case raw
}

/// How much of a statement's parameters a record has.
public enum AuditParameters: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Nothing.
    case none
    /// Types and lengths.
    case types
    /// Keyed hashes, so that equal values can be found.
    case hmac
    /// The values.
    case full
}

/// Where records go besides the files.
public enum AuditSinkKind: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// RFC 5424 over TLS, TCP or a unix socket.
    case syslog
    /// A topic of Kafka.
    case kafka
    /// A unix stream socket.
    case unix
    /// The standard output.
    case stdout
}

/// The form of a record at a sink.
public enum AuditFormat: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// Our own schema.
    case json
    /// Open Cybersecurity Schema Framework.
    case ocsf
    /// Common Event Format.
    case cef
}

/// What becomes of a statement for whose record there is no room.
public enum AuditOverflow: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// It waits, as long as it takes.
    case block
    /// It runs, and the loss of its record is counted.
    case drop
    /// It waits for `max_block` and is refused then.
    case deny
}

/// `[audit]`: what is recorded, and how safely.
public struct AuditSettings: Sendable, Hashable {
    /// Whether anything is.
    public var enabled = false
    /// How safely, for what `classes` does not name.
    public var mode = AuditMode.buffered
    /// How safely, by class of statement.
    public var classes: [String: AuditMode] = [:]
    /// Where the files are.
    public var directory = "/var/log/headgate/audit"
    /// How much of the text.
    public var text = AuditText.redacted
    /// How much of the parameters.
    public var parameters = AuditParameters.none
    /// What the values of parameters are hashed with, for `hmac`.
    public var parameterKey: SecretSource?
    /// What becomes of statements for whose records there is no room.
    public var onOverflow = AuditOverflow.block
    /// How long they wait before it is looked at again, or they are refused.
    public var maxBlock = TimeSpan.seconds(1)
    /// Where records go besides.
    public var sinks: [AuditSinkSettings] = []

    /// Nothing is recorded.
    public init() {}

    /// The classes of statements.
    static let classNames = [
        "READ", "WRITE", "DDL", "ROLE", "TCL", "FUNCTION", "MISC", "MISC_SET", "COPY", "ADMIN", "UNKNOWN",
    ]
}

/// `[[audit.sink]]`: one place records go besides the files.
public struct AuditSinkSettings: Sendable, Hashable {
    /// What it is.
    public var kind = AuditSinkKind.stdout
    /// In which form it gets records.
    public var format = AuditFormat.json
    /// Where it is: of syslog and unix sockets.
    public var address: ListenAddress?
    /// Brokers to begin with: of Kafka.
    public var brokers: [ListenAddress] = []
    /// The topic: of Kafka.
    public var topic: String?
    /// TLS towards it.
    public var tls = TLSSettings()

    /// The standard output as JSON.
    public init() {}
}

extension AuditSinkSettings {
    static let keys = SectionKeys(AuditSinkSettings.init) { k in
        k.key("type", \.kind, .choice, required: true, "What it is.")
        k.key("format", \.format, .choice, "In which form it gets records.")
        k.optional("address", \.address, .address(port: 6514), "Where a syslog server or unix socket is.")
        k.key(
            "brokers", \.brokers, ValueType<ListenAddress>.address(port: 9092).list(of: "addresses"),
            "Brokers of Kafka to begin with.")
        k.optional("topic", \.topic, .word("the name of a topic", example: "audit"), "The topic of Kafka.")
        k.include(TLSSettings.keys, at: \.tls)
    }
}

extension AuditSettings {
    static let keys = SectionKeys(AuditSettings.init) { k in
        k.key("enabled", \.enabled, .boolean, "Whether anything is recorded.")
        k.key("mode", \.mode, .choice, "How much of a record must be safe before its statement goes on.")
        k.key(
            "classes", \.classes, ValueType<AuditMode>.choice.map(of: "class of statements", keys: classNames),
            "The mode by class of statement.")
        k.key(
            "directory", \.directory, .path(example: "/var/log/headgate/audit"), change: .restart,
            "Where the files are.")
        k.key("text", \.text, .choice, "How much of a statement's text is recorded.")
        k.key("parameters", \.parameters, .choice, "How much of a statement's parameters is recorded.")
        k.optional(
            "parameter_key", \.parameterKey, .secret, secret: true,
            "What values are hashed with where parameters is hmac: whoever has it can look for a value.")
        k.key(
            "on_overflow", \.onOverflow, .choice,
            "What becomes of a statement for whose record there is no room: it waits, runs unrecorded (which is counted "
                + "and recorded), or is refused after max_block.")
        k.key(
            "max_block", \.maxBlock, .duration(),
            "How long a statement waits for room for its record before it is refused; of strict ones always.")
        k.key(
            "sink", \.sinks,
            ValueType<AuditSinkSettings>.table(AuditSinkSettings.keys, example: "{ type = \"stdout\" }")
                .list(of: "tables"),
            "Where records go besides the files: [[audit.sink]].")
    }
}
