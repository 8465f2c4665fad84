import ByteKit
import PostgresWire

extension FuzzTarget {
    /// What fuzzing starts from: short inputs that get far.
    package var seeds: [[UInt8]] {
        switch self {
        case .wire: [Seeds.startup, Seeds.messages, Seeds.error]
        case .sql: Seeds.sql.map { Array($0.utf8) }
        case .credentials:
            ["\u{0}\u{1}\u{1}c=biws,r=abc,p=AAAA", "\u{2}SCRAM-SHA-256$1:c2FsdA==$a:b", "\u{2}md5\(Seeds.digest)"].map {
                Array($0.utf8)
            }
        case .settings: Seeds.settings.map { Array($0.utf8) }
        case .logins: [[0, 0, 60] + Seeds.startup, [1, 1, 60] + Seeds.login]
        case .proxyheader: Seeds.proxyHeaders
        case .relay: Seeds.talks
        case .mysql: MySQLSeeds.all
        case .mysqltext: MySQLSeeds.texts.map { Array($0.utf8) }
        case .compression: MySQLSeeds.frames
        case .audit: AuditFuzz.seeds
        }
    }
}

private enum Seeds {
    static let digest = String(repeating: "0123456789abcdef", count: 2)

    static let startup: [UInt8] = {
        var out = ByteWriter()
        out.startup([("user", "u"), ("database", "d"), ("options", "-c a=b")])
        return out.take()
    }()

    static let messages: [UInt8] = {
        var out = ByteWriter()
        out.query("SELECT 1")
        out.close(0x53, Array("name".utf8))
        out.commandComplete("SELECT 1")
        out.readyForQuery(.idle)
        out.bare(FrontendTag.sync)
        return out.take()
    }()

    static let error: [UInt8] = {
        var out = ByteWriter()
        PostgresError(.fatal, "28P01", "no", detail: "detail", hint: "hint").write(to: &out)
        return out.take()
    }()

    static let login: [UInt8] = {
        var out = ByteWriter()
        out.authentication(10, Array("SCRAM-SHA-256\0\0".utf8))
        out.authentication(0)
        out.parameterStatus("TimeZone", "UTC")
        out.backendKeyData(processID: 7, key: [1, 2, 3, 4])
        out.readyForQuery(.idle)
        return out.take()
    }()

    static let proxyHeaders: [[UInt8]] = {
        let start: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
        let v4: [UInt8] = [0x21, 0x11, 0, 19, 192, 0, 2, 7, 192, 0, 2, 1, 0xDC, 4, 0x15, 0x38, 3, 0, 4, 0, 0, 0, 0]
        return [
            Array("PROXY TCP4 192.0.2.7 192.0.2.1 56324 5432\r\n".utf8), Array("PROXY TCP6 ::1 ::2 1 2\r\n".utf8),
            Array("PROXY UNKNOWN\r\n".utf8), start + v4, start + [0x20, 0, 0, 0],
            start + [0x21, 0x21, 0, 40] + [UInt8](repeating: 1, count: 36) + [4, 0, 1, 0],
        ]
    }()

    static let sql = [
        "select/*+a('b',`C`*/*/insert /*+ x */ into t values (-1, - -2) # /*+ y */",
        "SELECT _utf8mb4'a', n'b', @a, @@session.x, `c` FROM t WHERE a != 1 /*!80000 AND b */ /*M!100100 OR /* c */ d */",
        "SET STATEMENT a = 1 FOR SELECT SQL_CALC_FOUND_ROWS 1; PREPARE p FROM 'SET @a = 1'; SET @b := CURRENT_USER",
        "SELECT a, 'b''c', E'd\\'e', $$f$$, $g$h$g$, U&'\\0061', 1.5e3 FROM t WHERE x IN (1, 2) -- z\n; /* y /* x */ */",
        "SET work_mem = '64MB'; SET LOCAL TIME ZONE 'UTC'; RESET ALL; DISCARD ALL",
        "PREPARE p (int) AS SELECT $1; EXECUTE p(1); DEALLOCATE p; EXPLAIN ANALYZE EXECUTE q",
        "BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT AND CHAIN", "CREATE TEMP TABLE t AS SELECT pg_advisory_lock(1)",
        "SELECT `a`, \"b\", 'c\\'d' FROM t /*!50000 WHERE x = ? */ # z", "CREATE USER u PASSWORD 'secret'",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1; LISTEN \"Ä\"; NOTIFY x, 'y'; COPY t FROM STDIN",
    ]

    static let settings = [
        """
        listen = [{ address = "127.0.0.1:6432" }]
        cluster.main.servers = [{ address = "127.0.0.1:5432" }]
        database.shop.cluster = "main"
        [user.app]
        password = { env = "P" }
        pool_mode = "transaction"
        [general]
        query_timeout = "5s"
        """,
        "a = [[1, 2], {b = 1979-05-27}, '''c''', \"\\u00e9\"]",
    ]

    /// Pairs of what is done and with what: messages of the client (2), of the server (5), and in between (7).
    static let talks: [[UInt8]] = [
        [0, 2, 0, 0, 5, 2, 4, 5, 13, 0, 7, 0],
        [0, 2, 1, 8, 2, 2, 8, 2, 4, 0, 2, 5, 0, 5, 0, 0, 5, 1, 0, 5, 2, 0, 5, 13, 0],
        [0, 2, 0, 11, 2, 0, 12, 5, 2, 4, 5, 13, 0, 7, 0, 2, 0, 13, 5, 5, 0],
        [0, 2, 0, 17, 5, 6, 0, 2, 8, 0, 2, 9, 0, 5, 2, 5, 5, 13, 0],
    ]
}
