extension ConfigurationCheck {
    /// Whether users that are looked up can be, and by whom.
    mutating func checkAuthQueries() {
        let general = configuration.general.auth
        checkAuthQuery(general, in: root["headgate"], at: ["headgate"])
        for (name, database) in configuration.databases.sorted(by: { $0.key < $1.key }) {
            let own = database.auth
            checkAuthQuery(own, in: root["database"]?[name], at: ["database", name])
            let user = own.user ?? general.user
            if name == "*", user != nil, own.database == nil, general.database == nil {
                log.error(
                    own.user == nil ? position(["headgate", "auth_user"]) : position(["database", name, "auth_user"]),
                    "users of [database.\"*\"] cannot be looked up without auth_dbname",
                    "clients would choose the database that is asked",
                    "write auth_dbname = \"NAME\" of a [database.NAME]")
            }
            let target = own.database ?? name
            let cluster = configuration.databases[target].flatMap { configuration.clusters[$0.cluster] }
            if own.user != nil, cluster?.protocolKind == .mysql {
                log.error(
                    position(["database", name, "auth_user"]), "users of [database.\(name)] cannot be looked up",
                    "its cluster speaks MySQL, of which only PostgreSQL's servers are asked",
                    "write a [user.NAME] for each")
            }
        }
        checkPassThrough()
    }

    private mutating func checkAuthQuery(_ auth: AuthQuerySettings, in table: TOMLNode?, at path: [String]) {
        if let name = auth.user {
            let place = position(path + ["auth_user"])
            if let user = configuration.users[name] {
                if case .verifier(let text)? = user.serverPassword ?? user.password,
                    text.bytes.starts(with: Array("SCRAM".utf8))
                {
                    log.error(
                        place, "auth_user names \(quoted(name)), of whom only a SCRAM verifier is known",
                        "the proxy cannot log in with it", "write server_password below [user.\(name)]")
                }
            } else {
                log.error(
                    place, "auth_user names \(quoted(name))", "there is no [user.\(name)], whose password is needed",
                    Suggestion.phrase(
                        for: name, among: configuration.users.keys.sorted(), otherwise: "write [user.\(name)]"))
            }
        }
        if let database = auth.database, configuration.databases[database] == nil {
            log.error(
                position(path + ["auth_dbname"]), "auth_dbname names \(quoted(database))",
                "there is no [database.\(database)]",
                Suggestion.phrase(
                    for: database, among: configuration.databases.keys.sorted(),
                    otherwise: "write [database.\(database)]"))
        }
        if let query = auth.query, !query.contains("$1") {
            log.error(
                position(path + ["auth_query"]), "auth_query has no $1", "it stands for the user that is looked up",
                "write for example \"SELECT name, secret FROM auth.users WHERE name = $1\"")
        }
    }

    /// With nothing but a SCRAM verifier, servers are shown what the client's own SCRAM login proved: that has to happen.
    private mutating func checkPassThrough() {
        let listeners = configuration.listeners.filter { $0.protocolKind == .postgres }
        let methods = Set(
            listeners.flatMap { listener -> [AccessMethod] in
                if let files = configuration.accessFiles(of: listener) {
                    return configuration.accessRules[files]?.rules.map(\.method) ?? []
                }
                return [AccessMethod(listener.authType ?? configuration.general.authType)]
            })
        for (name, user) in configuration.users.sorted(by: { $0.key < $1.key }) where user.serverPassword == nil {
            guard case .verifier(let text)? = user.password, text.bytes.starts(with: Array("SCRAM".utf8)) else {
                continue
            }
            let place = root["user"]?[name]?["password"]?.position ?? .start
            if let serverUser = user.serverUser, serverUser != name {
                log.error(
                    root["user"]?[name]?["server_user"]?.position ?? place,
                    "[user.\(name)] cannot log in to servers as \(quoted(serverUser))",
                    "its SCRAM verifier opens servers only to the user whose own it is, with the same salt",
                    "write server_password = { file = \"…\" }")
            } else if !listeners.isEmpty, methods.isDisjoint(with: [.scramSHA256, .md5]) {
                log.error(
                    place, "[user.\(name)] cannot log in to servers",
                    "with nothing but a SCRAM verifier its clients must use SCRAM, which no listener asks for",
                    "write server_password = { file = \"…\" }, or auth_type = \"scram-sha-256\"")
            }
        }
    }
}
