extension ConfigurationCheck {
    mutating func checkListeners() {
        if root["listen"] == nil {
            log.error(
                .start, "there is no [[listen]]", "clients could not connect",
                "write [[listen]] and below it address = \"127.0.0.1:6432\"")
        }
        for (index, listener) in configuration.listeners.enumerated() {
            let table = root["listen"]?[index]
            checkTLS(listener.tls, of: "[[listen]]", in: table, isServer: true)
            checkProxyProtocol(listener, in: table)
            if case .tcp = listener.address, let mode = table?.entry("unix_socket_mode") {
                log.warning(
                    mode.position, "unix_socket_mode has no effect", "this listener is not a unix socket", "remove it")
            }
        }
        checkAccess()
        checkConflicts()
        checkSocketDirectories()
        checkTrust()
    }

    /// Sources that cannot come to the listener.
    private mutating func checkProxyProtocol(_ listener: ListenSettings, in table: TOMLNode?) {
        guard case .array(let nodes)? = table?["proxy_protocol"]?.value else { return }
        let isUnix = if case .unix = listener.address { true } else { false }
        for (source, node) in zip(listener.proxyProtocol, nodes) where isUnix != (source == .unix) {
            log.warning(
                node.position, "proxy_protocol has \(quoted("\(source)")), which has no effect",
                isUnix ? "clients of a unix socket have no address" : "this listener is not a unix socket",
                isUnix ? "write \"unix\" to believe whoever may open the socket" : "remove it")
        }
    }

    /// Addresses as they are written, with what they are; those that did not decode are left out.
    private var addresses: [(address: ListenAddress, position: SourcePosition)] {
        var nodes: [TOMLNode] = []
        if case .array(let tables)? = root["listen"]?.value { nodes = tables.compactMap { $0["address"] } }
        if let http = root["http"]?["address"] { nodes.append(http) }
        return nodes.compactMap { node in
            guard case .string(let text) = node.value, let address = ListenAddress(text) else { return nil }
            return (address, node.position)
        }
    }

    private mutating func checkConflicts() {
        let addresses = self.addresses
        for (index, later) in addresses.enumerated() {
            guard let first = addresses[..<index].first(where: { $0.address.overlaps(later.address) }) else { continue }
            log.error(
                later.position, "address \(quoted("\(later.address)")) is taken",
                "\(quoted("\(first.address)")) in line \(first.position.line) listens there already",
                "write another port")
        }
    }

    private mutating func checkSocketDirectories() {
        for (address, position) in addresses {
            guard case .unix(let path) = address, path.hasPrefix("/"), let slash = path.lastIndex(of: "/") else {
                continue
            }
            let directory = slash == path.startIndex ? "/" : String(path[..<slash])
            if case .success(let facts) = environment.facts(directory), facts.isDirectory { continue }
            log.warning(
                position, "the directory \(quoted(directory)) of the socket does not exist",
                "a socket is made in a directory that is there",
                "make it or write RuntimeDirectory=headgate in the systemd unit")
        }
    }

    /// `trust` where others than this host's users can come from.
    private mutating func checkTrust() {
        for (index, listener) in configuration.listeners.enumerated() {
            let method = listener.authType ?? configuration.general.authType
            guard method == .trust, configuration.accessFiles(of: listener) == nil,
                case .tcp(let host, _) = listener.address,
                !["127.0.0.1", "::1", "localhost"].contains(host)
            else { continue }
            let own = root["listen"]?[index]?["auth_type"]?.position
            log.warning(
                own ?? position(["headgate", "auth_type"]),
                "auth_type is \"trust\" at \(quoted("\(listener.address)"))",
                "whoever reaches it is let in as anybody", "write auth_type = \"scram-sha-256\"")
        }
    }
}

extension ListenAddress {
    /// Whether both cannot be listened on at once.
    func overlaps(_ other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix(let a), .unix(let b)): a == b
        case (.tcp(let hostA, let portA), .tcp(let hostB, let portB)):
            portA == portB && (hostA == hostB || Self.covers(hostA, hostB) || Self.covers(hostB, hostA))
        case (.unix, .tcp), (.tcp, .unix): false
        }
    }

    private static func covers(_ wide: String, _ host: String) -> Bool {
        switch wide {
        case "*": true
        case "0.0.0.0": !host.contains(":")
        case "::": host.contains(":")
        default: false
        }
    }
}
