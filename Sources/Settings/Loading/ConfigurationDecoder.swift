/// Makes a configuration of a TOML tree and tells every problem it meets on the way.
struct ConfigurationDecoder {
    var configuration = Configuration()
    var log: ProblemLog

    init(file: String) { log = ProblemLog(file: file) }

    /// How a section is written in a file.
    enum Shape {
        case table
        case named
        case list
    }

    /// All sections in the order of the manual.
    static let sections: [(name: String, shape: Shape)] = [
        ("headgate", .table), ("listen", .list), ("cluster", .named), ("defaults", .table), ("database", .named),
        ("user", .named), ("app", .list), ("audit", .table), ("console", .table), ("http", .table),
    ]

    mutating func decode(_ root: TOMLNode) {
        guard case .table(let entries) = root.value else { return }
        // Databases begin with the defaults and users with the general limits, wherever in the file these stand.
        if let general = root["headgate"] {
            GeneralSettings.keys.decode(general, title: "[headgate]", into: &configuration.general, &log)
        }
        if let defaults = root["defaults"] {
            PoolSettings.keys.decode(defaults, title: "[defaults]", into: &configuration.defaults, &log)
        }
        for entry in entries {
            guard let section = Self.sections.first(where: { $0.name == entry.key }) else {
                unknown(entry)
                continue
            }
            guard hasShape(entry, section.shape) else { continue }
            decode(entry.key, entry.node)
        }
    }

    private mutating func decode(_ section: String, _ node: TOMLNode) {
        switch section {
        case "listen": configuration.listeners = list(node, "[[listen]]", ListenSettings.keys)
        case "cluster":
            named(node, "cluster", ClusterSettings.keys) { configuration, name, cluster in
                configuration.clusters[name] = cluster
                configuration.clusters[name]?.name = name
            }
        case "database":
            let defaults = configuration.defaults
            let blank = DatabaseSettings(name: "", cluster: "", pool: defaults)
            named(node, "database", DatabaseSettings.keys, blank) { configuration, name, database in
                configuration.databases[name] = database
                configuration.databases[name]?.name = name
            }
        case "user":
            named(node, "user", UserSettings.keys, configuration.general.anyUser("")) { configuration, name, user in
                configuration.users[name] = user
                configuration.users[name]?.name = name
            }
        case "app": configuration.apps = list(node, "[[app]]", AppSettings.keys)
        case "audit": AuditSettings.keys.decode(node, title: "[audit]", into: &configuration.audit, &log)
        case "console": ConsoleSettings.keys.decode(node, title: "[console]", into: &configuration.console, &log)
        case "http": HTTPSettings.keys.decode(node, title: "[http]", into: &configuration.http, &log)
        default: break
        }
    }

    /// `[[section]]`: each table of a list.
    private mutating func list<Section>(
        _ node: TOMLNode, _ title: String, _ keys: SectionKeys<Section>
    ) -> [Section] {
        guard case .array(let elements) = node.value else { return [] }
        return elements.map { element in
            var section = keys.blank()
            keys.decode(element, title: title, into: &section, &log)
            return section
        }
    }

    /// `[section.NAME]`: each table of a table.
    private mutating func named<Section>(
        _ node: TOMLNode, _ kind: String, _ keys: SectionKeys<Section>, _ blank: Section? = nil,
        store: (inout Configuration, String, Section) -> Void
    ) {
        guard case .table(let entries) = node.value else { return }
        for entry in entries {
            let name = isBare(entry.key) ? entry.key : quoted(entry.key)
            guard case .table = entry.node.value else {
                log.error(
                    entry.position, "\(kind).\(name) is \(entry.node.kind)",
                    "every \(kind) is a table of its own", "write [\(kind).NAME] above it")
                continue
            }
            if entry.key.isEmpty {
                log.error(entry.position, "a \(kind) has an empty name", "it needs one", "write [\(kind).NAME]")
                continue
            }
            var section = blank ?? keys.blank()
            keys.decode(entry.node, title: "[\(kind).\(name)]", into: &section, &log)
            store(&configuration, entry.key, section)
        }
    }

    private mutating func unknown(_ entry: TOMLEntry) {
        if case .table = entry.node.value {
        } else if case .array = entry.node.value {
        } else {
            let home = SettingReference.home(of: entry.key)
            log.error(
                entry.position, "unknown key \(quoted(entry.key)) outside any section",
                home.map { "it is a setting of \($0)" } ?? "there is no such setting",
                home.map { "write it below \($0)" } ?? "remove it")
            return
        }
        log.error(
            entry.position, "unknown section \(quoted(entry.key))", "there is no such section",
            Suggestion.phrase(for: entry.key, among: Self.sections.map(\.name), otherwise: "remove it"))
    }

    private mutating func hasShape(_ entry: TOMLEntry, _ shape: Shape) -> Bool {
        let (name, node) = (entry.key, entry.node)
        switch (shape, node.value) {
        case (.table, .table), (.named, .table): return true
        case (.list, .array(let elements)):
            for element in elements {
                if case .table = element.value { continue }
                log.error(
                    element.position, "\(name) holds \(element.kind)", "each of them is a table", "write [[\(name)]]")
                return false
            }
            return true
        case (.list, .table):
            log.error(
                entry.position, "[\(name)] is a table", "there may be several of them", "write [[\(name)]]")
        case (.named, _):
            log.error(
                entry.position, "\(name) is \(node.kind)", "every \(name) has a name and a table of its own",
                "write [\(name).NAME]")
        case (.table, _), (.list, _):
            let header = shape == .list ? "[[\(name)]]" : "[\(name)]"
            log.error(entry.position, "\(name) is \(node.kind)", "it is a section", "write \(header)")
        }
        return false
    }

    /// Whether TOML needs no quotes around a key.
    private func isBare(_ key: String) -> Bool {
        !key.isEmpty && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
    }
}
