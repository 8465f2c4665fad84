/// A key that is read and checked, and about which nothing is done.
struct IdleKey: Sendable {
    /// Why nothing is done, for the warning.
    let reason: String
    /// Values that ask for nothing, so that nothing is lost.
    let harmless: Set<String>
    /// Whether a later version will do something about it.
    let isPlanned: Bool

    init(_ reason: String, harmless: Set<String> = [], isPlanned: Bool = true) {
        self.reason = reason
        self.harmless = harmless
        self.isPlanned = isPlanned
    }

    /// For the manual.
    var remark: String { isPlanned ? "No effect yet." : "No effect: \(reason)." }
}

/// Keys without an effect in this version. `check` warns where one is written, and the manual says so; whoever makes one
/// work takes it out of here.
enum IdleKeys {
    /// By section, as the manual calls it, then by key; `*` is every key of the section.
    static let all: [String: [String: IdleKey]] = [
        "[headgate]": [
            "track_extra_parameters": IdleKey(
                "every setting follows the client, whether it is named here or not", isPlanned: false)
        ],
        "[cluster.NAME]": [
            "monitor_user": monitoring, "monitor_password": monitoring, "health_check_interval": monitoring,
            "health_check_timeout": monitoring, "health_check_rise": monitoring, "health_check_fall": monitoring,
            "max_replica_lag": monitoring, "failover_wait": monitoring,
        ],
        "[cluster.NAME] servers": ["weight": routing(), "zone": routing()],
        "[defaults]": [
            "read_routing": routing(harmless: ["off"]), "read_consistency": routing(harmless: ["session"]),
        ],
        "[database.NAME]": [
            "read_routing": routing(harmless: ["off"]), "read_consistency": routing(harmless: ["session"]),
        ],
        "[[app]]": [
            "max_server_connections": limit, "max_concurrent_statements": limit, "max_waiting": limit,
            "statements_per_second": limit, "burst": limit, "bytes_per_second": limit, "max_result_rows": limit,
            "max_result_bytes": limit, "max_statement_bytes": limit, "statement_timeout": limit,
            "transaction_timeout": limit, "idle_transaction_timeout": limit, "read_only": limit, "weight": limit,
        ],
        "[audit]": [
            "mode": statements(harmless: ["buffered"]), "classes": statements(),
            "text": statements(harmless: ["redacted"]),
            "parameters": statements(harmless: ["none"]), "text_limit": statements(), "max_block": statements(),
        ],
        "[[audit.sink]]": ["brokers": kafka, "topic": kafka],
        "[http]": ["*": IdleKey("this version has no HTTP server")],
    ]

    private static let monitoring = IdleKey("servers are not monitored")
    private static let limit = IdleKey("it is not enforced")
    private static let kafka = IdleKey("there is no sink of type kafka")

    private static func statements(harmless: Set<String> = []) -> IdleKey {
        IdleKey("statements are not recorded", harmless: harmless)
    }

    private static func routing(harmless: Set<String> = []) -> IdleKey {
        IdleKey("reads are not routed", harmless: harmless)
    }

    /// What the manual says behind the summary of a key; nil for those that work.
    static func remark(_ section: String, _ key: String) -> String? {
        (all[section]?[key] ?? all[section]?["*"])?.remark
    }
}

extension ConfigurationCheck {
    /// Warns of every key that is written and has no effect. Only where nothing is wrong: first things first.
    mutating func checkIdleKeys() {
        guard case .table(let sections) = root.value else { return }
        for section in sections {
            guard let shape = ConfigurationDecoder.sections.first(where: { $0.name == section.key })?.shape else {
                continue
            }
            switch (shape, section.node.value) {
            case (.table, _): look(section.node, "[\(section.key)]", "[\(section.key)]")
            case (.list, .array(let elements)):
                for element in elements { look(element, "[[\(section.key)]]", "[[\(section.key)]]") }
            case (.named, .table(let entries)):
                for entry in entries {
                    look(entry.node, "[\(section.key).NAME]", "[\(section.key).\(entry.key)]")
                    guard section.key == "cluster", case .array(let servers)? = entry.node["servers"]?.value else {
                        continue
                    }
                    for server in servers { look(server, "[cluster.NAME] servers", "[cluster.\(entry.key)]") }
                    if servers.count > 1 {
                        log.warning(
                            entry.node["servers"]?.position ?? entry.position,
                            "[cluster.\(entry.key)] has \(servers.count) servers",
                            "this version connects to them in turn and does not find out which is the primary",
                            "write one server, or only servers that are equal")
                    }
                }
            case (.list, _), (.named, _): continue
            }
        }
    }

    private mutating func look(_ table: TOMLNode, _ section: String, _ title: String) {
        guard let idle = IdleKeys.all[section], case .table(let entries) = table.value else { return }
        if let whole = idle["*"] {
            log.warning(table.position, "\(title) has no effect yet", whole.reason, "remove it, or do not rely on it")
            return
        }
        for entry in entries {
            guard let key = idle[entry.key] else { continue }
            if case .string(let value) = entry.node.value, key.harmless.contains(value) { continue }
            log.warning(
                entry.position, "\(entry.key) of \(title) has no effect\(key.isPlanned ? " yet" : "")", key.reason,
                "remove it, or do not rely on it")
        }
    }
}
