extension ConfigurationCheck {
    /// Whether no listener asks for passwords.
    private var trustsAll: Bool {
        configuration.listeners.allSatisfy {
            [.trust, .certificate].contains($0.authType ?? configuration.general.authType)
        }
    }

    private var hasRules: Bool { configuration.listeners.contains { configuration.accessFiles(of: $0) != nil } }

    mutating func checkUsers() {
        let methods = Set(configuration.listeners.map { $0.authType ?? configuration.general.authType })
        for (name, user) in configuration.users.sorted(by: { $0.key < $1.key }) {
            let table = root["user"]?[name]
            checkSecret(user.password, key: "password", in: table, forLogin: false)
            checkSecret(user.serverPassword, key: "server_password", in: table, forLogin: true)
            if user.password == nil, table?["password"] == nil, !trustsAll, !hasRules {
                log.warning(
                    table?.position ?? .start, "[user.\(name)] has no password", "nobody can log in with it",
                    "write password = { file = \"/run/secrets/\(name)\" }")
            }
            if case .verifier(let verifier) = user.password, verifier.bytes.starts(with: Array("md5".utf8)),
                methods.contains(.scramSHA256)
            {
                log.error(
                    table?["password"]?.position ?? .start, "password of [user.\(name)] is an md5 verifier",
                    "auth_type scram-sha-256 cannot use it",
                    "write one made with headgate secret scram, or auth_type = \"md5\"")
            }
        }
    }

    mutating func checkConsole() {
        guard !trustsAll, !hasRules else { return }
        let lists = [
            ("admin_users", configuration.console.adminUsers), ("stats_users", configuration.console.statsUsers),
        ]
        for (key, names) in lists {
            for (index, name) in names.enumerated() where configuration.users[name] == nil {
                log.warning(
                    root["console"]?[key]?[index]?.position ?? position(["console", key]),
                    "\(key) names \(quoted(name))", "there is no [user.\(name)]",
                    Suggestion.phrase(
                        for: name, among: configuration.users.keys.sorted(), otherwise: "write [user.\(name)]"))
            }
        }
    }

    mutating func checkApps() {
        var seen: [String: SourcePosition] = [:]
        var everything: (name: String, position: SourcePosition)?
        for (index, app) in configuration.apps.enumerated() {
            let table = root["app"]?[index]
            let place = table?["name"]?.position ?? table?.position ?? .start
            if !app.name.isEmpty {
                if let first = seen[app.name] {
                    log.error(
                        place, "name \(quoted(app.name)) is taken", "another [[app]] in line \(first.line) has it",
                        "write another name")
                } else {
                    seen[app.name] = place
                }
            }
            if app.isLastResort {
                if let match = table?.entry("match") {
                    log.error(
                        match.position, "[[app]] \(quoted(app.name)) has a match",
                        "it takes the connections that fit no other", "remove match, or give it another name")
                }
            } else if let everything {
                log.warning(
                    place, "[[app]] \(quoted(app.name)) is never reached",
                    "\(quoted(everything.name)) in line \(everything.position.line) matches every connection",
                    "move it further up")
            } else if app.match.isEverything, table?["match"] == nil {
                everything = (app.name, place)
            }
            if app.burst > 0, app.statementsPerSecond == 0, let burst = table?.entry("burst") {
                log.warning(
                    burst.position, "burst has no effect", "there is no statements_per_second",
                    "write statements_per_second = \(app.burst)")
            }
        }
    }

    mutating func checkAudit() {
        let audit = configuration.audit
        for (index, sink) in audit.sinks.enumerated() {
            let table = root["audit"]?["sink"]?[index]
            let missing: (key: String, example: String)? =
                switch sink.kind {
                case .syslog where sink.address == nil: ("address", "\"127.0.0.1:6514\"")
                case .unix where sink.address == nil: ("address", "\"unix:/run/audit.sock\"")
                case .kafka where sink.brokers.isEmpty: ("brokers", "[\"127.0.0.1:9092\"]")
                case .kafka where sink.topic == nil: ("topic", "\"audit\"")
                case .syslog, .unix, .kafka, .stdout: nil
                }
            if let missing, table?[missing.key] == nil {
                log.error(
                    table?.position ?? .start,
                    "[[audit.sink]] of type \(quoted(sink.kind.rawValue)) has no \(missing.key)",
                    "records would go nowhere", "write \(missing.key) = \(missing.example)")
            }
            if sink.kind == .kafka {
                log.error(
                    table?["type"]?.position ?? .start, "[[audit.sink]] cannot be of type \"kafka\" yet",
                    "this version sends to syslog, unix sockets and the standard output", "write type = \"syslog\"")
            }
            if sink.format != .json {
                log.error(
                    table?["format"]?.position ?? .start,
                    "[[audit.sink]] cannot have the format \(quoted(sink.format.rawValue)) yet",
                    "this version sends json", "write format = \"json\"")
            }
            checkTLS(sink.tls, of: "[[audit.sink]]", in: table, isServer: false)
        }
        guard audit.enabled else { return }
        checkDirectory(
            audit.directory, key: "directory", at: ["audit", "directory"], why: "audit records are kept there")
    }

    /// Whether a secret can be had; `forLogin` is one the proxy itself logs in with.
    mutating func checkSecret(_ secret: SecretSource?, key: String, in table: TOMLNode?, forLogin: Bool) {
        guard let secret, let node = table?[key] else { return }
        switch secret {
        case .plain: return
        case .verifier(let verifier):
            guard forLogin, verifier.bytes.starts(with: Array("SCRAM".utf8)) else { return }
            log.error(
                node.position, "\(key) is a SCRAM verifier", "the proxy cannot log in with it, only let clients in",
                "write the password: { file = \"…\" }, { env = \"…\" } or { command = [\"…\"] }")
            return
        case .file(let path, _):
            guard checkFile(path, key: key, at: node["file"]?.position ?? node.position, isSecret: true) else { return }
        case .environment: break
        case .command: guard runsCommands else { return }
        }
        if case .failure(let problem) = secret.resolve(environment: environment) {
            log.error(
                node.position, "\(key) cannot be had from \(secret)", problem.reason,
                "write a source that gives the secret")
        }
    }
}
