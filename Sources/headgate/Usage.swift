/// What `headgate help` says.
enum Usage {
    /// Every command in a line.
    static let all = """
        usage: headgate COMMAND [OPTIONS]

          run   [--config FILE]         serve; FILE is /etc/headgate/headgate.toml unless named
          check --config FILE           validate a configuration without serving
          demo  [--port-base N]         try everything on throwaway servers
          audit verify|cat DIR          check or read the audit trail
          secret scram|md5              read a password on stdin, print its verifier
          version                       print the version
          help [COMMAND]                print this, or more about one command

        """

    /// One command each.
    static let commands: [String: String] = [
        "audit": """
        usage: headgate audit verify DIR [--public-key FILE] [--anchor FILE] [--json]
               headgate audit cat DIR [FILTERS] [--all] [--follow]
               headgate audit rotate-key [--config FILE]

        verify checks every record of the trail in DIR (directory of [audit]): that none is missing, altered, moved or
        there twice, and that the checkpoints are signed. It names the first broken record and exits with 1 if there is
        one. --public-key takes public keys in PEM that were kept elsewhere (audit-public-keys.pem of state_dir); without
        it the keys the trail names are taken for good. --anchor takes records of checkpoints that were kept elsewhere, as
        a sink has received them: only with it is it seen that the newest records are gone.

        cat prints records, one JSON object a line, oldest first; --follow goes on with new ones. Checkpoints, headers and
        heartbeats are left out unless --all asks for them. That somebody has read is itself recorded. Filters:

          --since T, --until T   @timestamp, or the beginning of one: 2026-11-28T12
          --user U               name at the proxy or at the server
          --app A                application of the configuration
          --class C              READ, WRITE, DDL, ROLE, TCL, FUNCTION, MISC, MISC_SET, COPY, ADMIN, UNKNOWN
          --table T              name, or schema.name, of something the statement names
          --fingerprint F        16 digits
          --outcome O            success, failure, unknown, denied, skipped, timeout, cancelled
          --client ADDRESS       or the beginning of one that ends in a dot or colon
          --action A             statement, auth.failure, …, or the beginning of one that ends in a dot

        rotate-key makes a new key to sign with. The proxy takes it up with HUP, or when it starts, and has the key before
        hand over to it.

        """,
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

        Reads a password on standard input and prints its verifier, for { verifier = "…" } in [user.NAME]:

          echo 'the password' | headgate secret scram

        """,
        "version": "usage: headgate version\n\nPrints the version.\n",
        "help": "usage: headgate help [COMMAND]\n\nPrints all commands, or more about one.\n",
    ]
}
