/// A key whose value differs between two configurations.
public struct SettingChange: Sendable, Hashable {
    /// The section: `[headgate]`, `[database.shop]`, `[[listen]] 127.0.0.1:6432`.
    public var section: String
    /// The key.
    public var key: String
    /// The old value as TOML; empty if there was none, `…` for secrets.
    public var before: String
    /// The new value as TOML; empty if there is none, `…` for secrets.
    public var after: String
    /// When it takes effect.
    public var change: Changeability
}

/// What differs between two configurations, for reload.
public struct ConfigurationDiff: Sendable, Hashable {
    /// Which parts of a kind came, went and changed; sorted.
    public struct Names: Sendable, Hashable {
        /// Only in the new configuration.
        public var added: [String] = []
        /// Only in the old one.
        public var removed: [String] = []
        /// In both, with differences.
        public var changed: [String] = []

        /// Whether nothing differs.
        public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }
    }

    /// Listeners by address.
    public private(set) var listeners = Names()
    /// Clusters by name.
    public private(set) var clusters = Names()
    /// Databases by name; a change of `[defaults]` is one of every database that does not say otherwise.
    public private(set) var databases = Names()
    /// Users by name.
    public private(set) var users = Names()
    /// Applications by name.
    public private(set) var apps = Names()
    /// Whether the same applications stand in another order, which decides who matches first.
    public private(set) var appsReordered = false
    /// Every key that differs, in what is in both configurations.
    public private(set) var changes: [SettingChange] = []

    /// What is different in `new`.
    public init(from old: Configuration, to new: Configuration) {
        compare("[headgate]", GeneralSettings.keys, old.general, new.general)
        compare("[defaults]", PoolSettings.keys, old.defaults, new.defaults)
        compare("[audit]", AuditSettings.keys, old.audit, new.audit)
        compare("[console]", ConsoleSettings.keys, old.console, new.console)
        compare("[http]", HTTPSettings.keys, old.http, new.http)
        listeners = compare(
            ListenSettings.keys, Self.byAddress(old.listeners), Self.byAddress(new.listeners)
        ) { "[[listen]] \($0)" }
        clusters = compare(ClusterSettings.keys, old.clusters, new.clusters) { "[cluster.\($0)]" }
        databases = compare(DatabaseSettings.keys, old.databases, new.databases) { "[database.\($0)]" }
        users = compare(UserSettings.keys, old.users, new.users) { "[user.\($0)]" }
        apps = compare(AppSettings.keys, Self.byName(old.apps), Self.byName(new.apps)) { "[[app]] \($0)" }
        appsReordered =
            apps.added.isEmpty && apps.removed.isEmpty && old.apps.map(\.name) != new.apps.map(\.name)
        for address in listeners.added { listen(address, before: "", after: quoted(address)) }
        for address in listeners.removed { listen(address, before: quoted(address), after: "") }
    }

    /// Whether both configurations are the same.
    public var isEmpty: Bool {
        changes.isEmpty && !appsReordered && [listeners, clusters, databases, users, apps].allSatisfy(\.isEmpty)
    }

    /// What takes effect only when the process starts again.
    public var needingRestart: [SettingChange] { changes.filter { $0.change == .restart } }

    private mutating func listen(_ address: String, before: String, after: String) {
        changes.append(
            SettingChange(
                section: "[[listen]] \(address)", key: "address", before: before, after: after, change: .restart))
    }

    @discardableResult
    private mutating func compare<Section>(
        _ title: String, _ keys: SectionKeys<Section>, _ old: Section, _ new: Section
    ) -> Bool {
        var isSame = true
        for key in keys.keys where !key.isSame(old, new) {
            isSame = false
            changes.append(
                SettingChange(
                    section: title, key: key.name, before: key.literal(old), after: key.literal(new),
                    change: key.change))
        }
        return isSame
    }

    private mutating func compare<Section>(
        _ keys: SectionKeys<Section>, _ old: [String: Section], _ new: [String: Section],
        title: (String) -> String
    ) -> Names {
        var names = Names()
        for name in Set(old.keys).union(new.keys).sorted() {
            switch (old[name], new[name]) {
            case (let before?, let after?):
                if !compare(title(name), keys, before, after) { names.changed.append(name) }
            case (nil, _?): names.added.append(name)
            case (_?, nil): names.removed.append(name)
            case (nil, nil): break
            }
        }
        return names
    }

    private static func byAddress(_ listeners: [ListenSettings]) -> [String: ListenSettings] {
        Dictionary(listeners.map { ("\($0.address)", $0) }) { first, _ in first }
    }

    private static func byName(_ apps: [AppSettings]) -> [String: AppSettings] {
        Dictionary(apps.map { ($0.name, $0) }) { first, _ in first }
    }
}
