/// Every table of the console by the name after `SHOW`.
enum ShowTables {
    static let all: [String: ShowTable] = [
        "clients": clients, "servers": servers, "sockets": sockets, "active_sockets": activeSockets, "fds": descriptors,
        "pins": pins, "pools": pools, "databases": databases, "users": users, "lists": lists, "config": config,
        "stats": stats, "stats_totals": statsTotals, "stats_averages": statsAverages, "totals": totals,
        "version": version, "state": state, "mem": memory, "dns_hosts": dnsHosts, "dns_zones": dnsZones,
        "audit": audit, "peers": peers, "apps": apps, "logins": logins, "failed_logins": failedLogins,
        "peer_pools": peerPools,
    ]
}

/// A row of tables that have a name and a value.
struct NamedValue: Sendable {
    let name: String
    let value: String
}
