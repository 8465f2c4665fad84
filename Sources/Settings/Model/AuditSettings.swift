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

/// What happens to a statement whose record finds no room, `max_block` after it began to wait.
public enum AuditOverflow: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// It waits on, up to its other limits; where the disk does not take records at all, it is refused.
    case block
    /// It goes on; its record may be lost, and is counted in a record of its own.
    case drop
    /// It is refused.
    case deny
}

/// What happens when an audit file cannot be written or synced.
public enum AuditIOError: String, Sendable, Hashable, CaseIterable, SettingChoice {
    /// The file is left and another begun.
    case rotate
    /// Statements are refused until it works again.
    case deny
    /// The process ends.
    case exit
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
    /// How much of a text is recorded; what is longer is cut, with its length and SHA-256.
    public var textLimit = ByteSize(bytes: 64 << 10)
    /// How long a statement waits for room in the ring before `onOverflow` applies.
    public var maxBlock = TimeSpan.seconds(1)
    /// What happens then.
    public var onOverflow = AuditOverflow.block
    /// What happens when a file cannot be written.
    public var onIOError = AuditIOError.rotate
    /// How long records are gathered before they are written together.
    public var commitInterval = TimeSpan.milliseconds(5)
    /// Room for records on their way to the writer, per worker.
    public var ringSize = ByteSize(bytes: 4 << 20)
    /// A file ends when it has grown so far, or is so old; zero is never.
    public var rotateSize = ByteSize(bytes: 256 << 20)
    public var rotateAge = TimeSpan.seconds(86_400)
    /// Files are deleted when they are so old, or together so big; zero is never.
    public var retainAge = TimeSpan.zero
    public var retainBytes = ByteSize.zero
    /// Below so much free space there is a warning; zero is never.
    public var spaceLeft = ByteSize(bytes: 1 << 30)
    /// Below so much free space relaxed records are dropped and counted; zero is never.
    public var adminSpaceLeft = ByteSize(bytes: 256 << 20)
    /// Space kept back for what must be recorded when the disk is full; zero is none.
    public var emergencySize = ByteSize(bytes: 16 << 20)
    /// How often a record says that all is well.
    public var heartbeatInterval = TimeSpan.seconds(60)
    /// The Ed25519 key checkpoints are signed with; nil is `audit-key.pem` in the state directory.
    public var keyFile: String?
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
    /// Longer messages are shortened: of syslog.
    public var maxMessageSize = ByteSize(bytes: 8 << 10)
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
        k.key(
            "max_message_size", \.maxMessageSize, .size(least: ByteSize(bytes: 480), most: ByteSize(bytes: 16 << 20)),
            "What the receiver takes in one message of syslog: longer ones are shortened, with the record's hash.")
        k.include(TLSSettings.keys, at: \.tls)
    }
}

extension AuditSettings {
    static let keys = SectionKeys(AuditSettings.init) { k in
        k.key("enabled", \.enabled, .boolean, change: .restart, "Whether anything is recorded.")
        k.key("mode", \.mode, .choice, "How much of a record must be safe before its statement goes on.")
        k.key(
            "classes", \.classes, ValueType<AuditMode>.choice.map(of: "class of statements", keys: classNames),
            "The mode by class of statement.")
        k.key(
            "directory", \.directory, .path(example: "/var/log/headgate/audit"), change: .restart,
            "Where the files are.")
        k.key("text", \.text, .choice, "How much of a statement's text is recorded.")
        k.key("parameters", \.parameters, .choice, "How much of a statement's parameters is recorded.")
        k.key(
            "text_limit", \.textLimit, .size(least: ByteSize(bytes: 64), most: ByteSize(bytes: 512 << 10)),
            "How much of a text is recorded; what is longer is cut, with its length and SHA-256.")
        k.key(
            "max_block", \.maxBlock, .duration(),
            "How long a statement waits for room for its record before on_overflow applies.")
        k.key(
            "on_overflow", \.onOverflow, .choice,
            "What happens then: it waits on, or goes on unrecorded, or is refused.")
        k.key("on_io_error", \.onIOError, .choice, "What happens when an audit file cannot be written or synced.")
        k.key(
            "commit_interval", \.commitInterval,
            .duration(least: .milliseconds(1), most: .seconds(10)),
            "How long records are gathered before they are written together; strict ones are not kept waiting.")
        k.key(
            "ring_size", \.ringSize, .size(least: ByteSize(bytes: 1 << 20), most: ByteSize(bytes: 1 << 30)),
            change: .restart, "Room for records on their way to the writer, per worker.")
        k.key(
            "rotate_size", \.rotateSize, .size(least: ByteSize(bytes: 64 << 10)),
            "A file ends when it has grown so far.")
        k.key("rotate_age", \.rotateAge, .duration(), "A file ends when it is so old; 0s is never.")
        k.key("retain_age", \.retainAge, .duration(), "Files this old are deleted; 0s is never.")
        k.key("retain_bytes", \.retainBytes, .size(), "The oldest files are deleted when all are bigger; 0 is never.")
        k.key("space_left", \.spaceLeft, .size(), "Below so much free space there is a warning; 0 is never.")
        k.key(
            "admin_space_left", \.adminSpaceLeft, .size(),
            "Below so much free space relaxed records are dropped and counted; 0 is never.")
        k.key(
            "emergency_size", \.emergencySize, .size(most: ByteSize(bytes: 1 << 30)), change: .restart,
            "Space kept back for what must be recorded when the disk is full; 0 is none.")
        k.key(
            "heartbeat_interval", \.heartbeatInterval, .duration(least: .seconds(1)),
            "How often a record says that all is well.")
        k.optional(
            "key_file", \.keyFile, .path(example: "/var/lib/headgate/audit-key.pem"), change: .restart,
            "The Ed25519 key checkpoints are signed with; made where it is missing. Default: audit-key.pem in state_dir."
        )
        k.key(
            "sink", \.sinks,
            ValueType<AuditSinkSettings>.table(AuditSinkSettings.keys, example: "{ type = \"stdout\" }")
                .list(of: "tables"),
            "Where records go besides the files: [[audit.sink]].")
    }
}
