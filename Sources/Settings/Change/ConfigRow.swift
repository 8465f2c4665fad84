/// A row of `SHOW CONFIG`.
public struct ConfigRow: Sendable, Hashable {
    /// The name of the setting: PgBouncer's where it has one.
    public var key: String
    /// Its value; durations in seconds, sizes in bytes, as PgBouncer shows them.
    public var value: String
    /// Its value if nothing is written.
    public var defaultValue: String
    /// Whether reload changes it.
    public var isChangeable: Bool
}

extension Configuration {
    /// The rows of `SHOW CONFIG`, by key: `[headgate]`, `[defaults]` and `[console]` under the names of their keys,
    /// other sections with the section before the key, and where the proxy listens in PgBouncer's words.
    public var rows: [ConfigRow] {
        var rows = Self.rows(GeneralSettings.keys, general)
        rows += Self.rows(PoolSettings.keys, defaults)
        rows += Self.rows(ConsoleSettings.keys, console)
        rows += Self.rows(AuditSettings.keys, audit, prefix: "audit.")
        rows += Self.rows(HTTPSettings.keys, http, prefix: "http.")
        rows += listenRows
        return rows.sorted { $0.key < $1.key }
    }

    private static func rows<Section>(
        _ keys: SectionKeys<Section>, _ section: Section, prefix: String = ""
    ) -> [ConfigRow] {
        let blank = keys.blank()
        return keys.keys.filter { !$0.isSecret }.map { key in
            ConfigRow(
                key: prefix + key.name, value: key.show(section), defaultValue: key.show(blank),
                isChangeable: key.change == .live)
        }
    }

    /// `listen_addr` is every host of a PostgreSQL listener, `listen_port` the port of the first.
    private var listenRows: [ConfigRow] {
        var hosts: [String] = []
        var ports: [UInt16] = []
        var directories: [String] = []
        for listener in listeners where listener.protocolKind == .postgres {
            switch listener.address {
            case .tcp(let host, let port):
                hosts.append(host)
                ports.append(port)
            case .unix(let path):
                directories.append(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? path)
            }
        }
        let rows = [
            ("listen_addr", hosts.joined(separator: ","), ""),
            ("listen_port", ports.first.map { "\($0)" } ?? "", "6432"),
            ("unix_socket_dir", directories.first ?? "", ""),
        ]
        return rows.map { ConfigRow(key: $0.0, value: $0.1, defaultValue: $0.2, isChangeable: false) }
    }
}

/// What the manual says about one setting.
public struct SettingReference: Sendable, Hashable {
    /// The section: `[headgate]`, `[database.NAME]`, `[[listen]]`.
    public var section: String
    /// The key.
    public var key: String
    /// What it does.
    public var summary: String
    /// What values it takes, with the article: "a duration with its unit".
    public var expects: String
    /// What it is if nothing is written, as TOML; empty if it then is absent.
    public var defaultText: String
    /// Whether it must be written.
    public var isRequired: Bool
    /// When a change takes effect.
    public var change: Changeability

    /// Every setting of every section, in the order of the manual.
    public static let all: [SettingReference] =
        list("[headgate]", GeneralSettings.keys) + list("[[listen]]", ListenSettings.keys)
        + list("[cluster.NAME]", ClusterSettings.keys) + list("[cluster.NAME] servers", ServerAddress.keys)
        + list("[defaults]", PoolSettings.keys) + list("[database.NAME]", DatabaseSettings.keys)
        + list("[user.NAME]", UserSettings.keys)
        + list("[[app]]", AppSettings.keys) + list("[[app]] match", AppMatch.keys) + list("[audit]", AuditSettings.keys)
        + list("[[audit.sink]]", AuditSinkSettings.keys) + list("[console]", ConsoleSettings.keys)
        + list("[http]", HTTPSettings.keys)

    /// The first section that has a key of this name.
    static func home(of key: String) -> String? {
        all.first { $0.key == key && $0.section.hasSuffix("]") }?.section
    }

    private static func list<Section>(_ section: String, _ keys: SectionKeys<Section>) -> [SettingReference] {
        let blank = keys.blank()
        return keys.keys.map { key in
            SettingReference(
                section: section, key: key.name,
                summary: key.summary + (IdleKeys.remark(section, key.name).map { " " + $0 } ?? ""),
                expects: key.expects,
                defaultText: key.isRequired ? "" : key.literal(blank), isRequired: key.isRequired, change: key.change)
        }
    }
}
