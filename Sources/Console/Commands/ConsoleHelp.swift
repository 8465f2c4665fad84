import PostgresWire

/// What `SHOW HELP` says.
enum ConsoleHelp {
    static let notice = PostgresError(.notice, "00000", "Console usage", detail: text)

    private static let text = """

        \tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION
        \tSHOW PEERS|PEER_POOLS
        \tSHOW FDS|SOCKETS|ACTIVE_SOCKETS|LISTS|MEM|STATE|PINS|APPS|AUDIT|LOGINS|FAILED_LOGINS
        \tSHOW DNS_HOSTS|DNS_ZONES
        \tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS
        \tSET key = arg
        \tRELOAD
        \tPAUSE [<db>]
        \tRESUME [<db>]
        \tDISABLE <db>
        \tENABLE <db>
        \tRECONNECT [<db>]
        \tKILL [<db>]
        \tKILL_CLIENT <client_id>
        \tSUSPEND
        \tSHUTDOWN
        \tSHUTDOWN WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS
        \tWAIT_CLOSE [<db>]
        """
}
