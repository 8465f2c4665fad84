extension ConfigurationCheck {
    mutating func checkClusters() {
        // A database with a slip in its reference is not a second problem, of the cluster it meant.
        let allResolve = configuration.databases.values.allSatisfy { configuration.clusters[$0.cluster] != nil }
        for (name, cluster) in configuration.clusters.sorted(by: { $0.key < $1.key }) {
            let table = root["cluster"]?[name]
            let servers = table?["servers"]
            if case .array(let elements)? = servers?.value, elements.isEmpty {
                log.error(
                    servers?.position ?? .start, "servers is empty", "a cluster has at least one server",
                    "write servers = [{ address = \"127.0.0.1:5432\" }]")
            }
            for (index, server) in cluster.servers.enumerated()
            where cluster.servers[..<index].contains(where: { $0.address == server.address }) {
                log.error(
                    servers?[index]?["address"]?.position ?? .start,
                    "server \(quoted("\(server.address)")) stands twice in [cluster.\(name)]",
                    "a server has one place", "remove one of them")
            }
            let kind = cluster.protocolKind
            if !configuration.listeners.isEmpty, !configuration.listeners.contains(where: { $0.protocolKind == kind }) {
                log.warning(
                    table?["protocol"]?.position ?? table?.position ?? .start,
                    "[cluster.\(name)] speaks \(kind.rawValue)", "no [[listen]] does",
                    "write a [[listen]] with protocol = \(quoted(kind.rawValue))")
            }
            checkTLS(cluster.tls, of: "[cluster.\(name)]", in: table, isServer: false)
            checkSecret(cluster.monitorPassword, key: "monitor_password", in: table, forLogin: true)
            if cluster.healthCheckTimeout > cluster.healthCheckInterval {
                log.warning(
                    position(["cluster", name, "health_check_timeout"]),
                    "health_check_timeout \(quoted("\(cluster.healthCheckTimeout)")) is longer than health_check_interval",
                    "a check would still run when the next is due",
                    "write health_check_timeout = \(quoted("\(cluster.healthCheckInterval)")) or less")
            }
            if allResolve, !configuration.databases.values.contains(where: { $0.cluster == name }) {
                log.warning(
                    table?.position ?? .start, "no database uses [cluster.\(name)]", "nobody can reach it",
                    "write [database.NAME] with cluster = \(quoted(name))")
            }
        }
    }

    mutating func checkDatabases() {
        if root["database"] == nil {
            log.warning(
                .start, "there is no [database.NAME]", "clients would be told that no database exists",
                "write [database.\"*\"] and below it cluster = \"NAME\"")
        }
        for (name, database) in configuration.databases.sorted(by: { $0.key < $1.key }) {
            if ["headgate", "pgbouncer"].contains(name) {
                log.error(
                    position(["database", name]), "[database.\(name)] has a reserved name", "it is the console's",
                    "write another name")
            }
            checkCluster(of: database)
            checkPool(of: database)
        }
    }

    private mutating func checkCluster(of database: DatabaseSettings) {
        let place = ["database", database.name, "cluster"]
        guard !database.cluster.isEmpty, configuration.clusters[database.cluster] == nil, isWritten(place) else {
            return
        }
        let names = configuration.clusters.keys.sorted()
        log.error(
            position(place), "there is no [cluster.\(database.cluster)]", "cluster names the servers of a database",
            Suggestion.phrase(
                for: database.cluster, among: names,
                otherwise: names.isEmpty ? "write one" : "write one of \(names.map(quoted).joined(separator: ", "))"))
    }

    private mutating func checkPool(of database: DatabaseSettings) {
        let pool = database.pool
        let (most, overflow) = pool.defaultPoolSize.addingReportingOverflow(pool.reservePoolSize)
        if !overflow, pool.minPoolSize > most {
            report(
                database, "min_pool_size", "is \(pool.minPoolSize)",
                "a pool has at most default_pool_size + reserve_pool_size = \(most) servers",
                "write min_pool_size = \(most) or less", isError: true)
        }
        if pool.maxDBConnections > 0, pool.minPoolSize > pool.maxDBConnections {
            report(
                database, "min_pool_size", "is \(pool.minPoolSize)",
                "max_db_connections allows \(pool.maxDBConnections)",
                "write min_pool_size = \(pool.maxDBConnections) or less", isError: true)
        }
        if pool.maxDBConnections > 0, pool.defaultPoolSize > pool.maxDBConnections,
            isWritten(["database", database.name, "default_pool_size"])
        {
            report(
                database, "default_pool_size", "is \(pool.defaultPoolSize)",
                "max_db_connections allows \(pool.maxDBConnections)",
                "write default_pool_size = \(pool.maxDBConnections) or less", isError: false)
        }
    }

    /// A problem of a pool stands where the key is written: at the database or in `[defaults]`.
    private mutating func report(
        _ database: DatabaseSettings, _ key: String, _ what: String, _ why: String, _ instead: String, isError: Bool
    ) {
        let own = ["database", database.name, key]
        let place = isWritten(own) ? position(own) : position(isWritten(["defaults", key]) ? ["defaults", key] : own)
        let subject = "\(key) of [database.\(database.name)] \(what)"
        if isError {
            log.error(place, subject, why, instead)
        } else {
            log.warning(place, subject, why, instead)
        }
    }
}
