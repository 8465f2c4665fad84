/// What `headgate help` says.
enum Usage {
    /// Every command in a line.
    static let all = """
        usage: headgate COMMAND [OPTIONS]

          run   [--config FILE]         serve; FILE is /etc/headgate/headgate.toml unless named
          check --config FILE           validate a configuration without serving
          demo  [--port-base N]         try everything on throwaway servers
          secret KIND                   read a password on stdin, print its verifier
          version                       print the version
          help [COMMAND]                print this, or more about one command

        """

    /// One command each.
    static let commands: [String: String] = [
        "run": """
        usage: headgate run [--config FILE]

        Serves in the foreground and writes its log to standard error, until a signal ends it. FILE is
        /etc/headgate/headgate.toml unless named. Exits with 1 when it cannot start.

          HUP    read the configuration again, all or nothing
          TERM   refuse new clients, let transactions finish, end; a second one ends at once
          INT    wait until no server is in use, end
          QUIT   end at once
          USR1   PAUSE: close servers as they become free, clients wait
          USR2   RESUME

        """,
        "check": """
        usage: headgate check --config FILE

        Reads a configuration without serving. Prints every problem on a line of its own:
        FILE:LINE:COLUMN: error or warning: what, why, what to write instead. Runs programs that print secrets.
        Exits with 0 when there is no error, 1 when there is one.

        """,
        "demo": """
        usage: headgate demo [--port-base N]

        Starts throwaway PostgreSQL and MariaDB servers on loopback, each a primary and a replica, with Headgate in front
        of them, says what to try, and removes everything on Ctrl-C. What is not installed is named and left out. Ports
        are N and the five behind it.

        """,
        "secret": """
        usage: headgate secret scram | headgate secret md5 USER
               headgate secret mysql-native | headgate secret caching-sha2

        Reads a password on standard input and prints its verifier, for { verifier = "…" } in [user.NAME]:

          echo 'the password' | headgate secret scram

        """,
        "version": "usage: headgate version\n\nPrints the version.\n",
        "help": "usage: headgate help [COMMAND]\n\nPrints all commands, or more about one.\n",
    ]
}
