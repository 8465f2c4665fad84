import Testing

@testable import Settings

@Suite("Whether the parts fit together")
struct CheckTests {
    @Test func nothingIsServed() {
        #expect(
            problems("") == [
                #"t.toml:1:1: error: there is no [[listen]], clients could not connect, write [[listen]] and below it address = "127.0.0.1:6432""#,
                #"t.toml:1:1: warning: there is no [database.NAME], clients would be told that no database exists, write [database."*"] and below it cluster = "NAME""#,
            ])
    }

    @Test(arguments: [
        ("*:6432", "127.0.0.1:6432", true), ("127.0.0.1:6432", "127.0.0.1:6432", true),
        ("0.0.0.0:6432", "[::1]:6432", false), ("[::]:6432", "[::1]:6432", true),
        ("127.0.0.1:6432", "127.0.0.2:6432", false), ("*:6432", "*:6433", false),
        ("unix:/run/a", "unix:/run/a", true), ("unix:/run/a", "*:1", false),
    ])
    func addressesInConflict(_ first: String, _ second: String, _ conflict: Bool) throws {
        let a = try #require(ListenAddress(first))
        let b = try #require(ListenAddress(second))
        #expect(a.overlaps(b) == conflict)
        #expect(b.overlaps(a) == conflict)
    }

    @Test func conflictIsToldAtTheSecond() {
        #expect(
            problems(below: "[http]\naddress = \"*:6432\"\n") == [
                #"t.toml:5:11: error: address "*:6432" is taken, "127.0.0.1:6432" in line 1 listens there already, write another port"#
            ])
    }

    @Test func poolSizes() {
        #expect(
            problems(below: "[defaults]\nmin_pool_size = 70\nreserve_pool_size = 3\n") == [
                "t.toml:5:17: error: min_pool_size of [database.shop] is 70, a pool has at most default_pool_size "
                    + "+ reserve_pool_size = 53 servers, write min_pool_size = 53 or less"
            ])
        #expect(
            problems(below: "[defaults]\nmax_db_connections = 5\nmin_pool_size = 6\n") == [
                "t.toml:6:17: error: min_pool_size of [database.shop] is 6, max_db_connections allows 5, "
                    + "write min_pool_size = 5 or less"
            ])
    }

    @Test func references() {
        #expect(
            problems(below: "[database.pgbouncer]\ncluster = \"other\"\n[cluster.spare]\nservers = []\n") == [
                "t.toml:4:1: error: [database.pgbouncer] has a reserved name, it is the console's, write another name",
                #"t.toml:5:11: error: there is no [cluster.other], cluster names the servers of a database, write one of "main", "spare""#,
                #"t.toml:7:11: error: servers is empty, a cluster has at least one server, write servers = [{ address = "127.0.0.1:5432" }]"#,
            ])
    }

    @Test func clusterWithoutDatabase() {
        #expect(
            problems(below: "[cluster.spare]\nservers = [{ address = \"a:1\" }, { address = \"a:1\" }]\n") == [
                #"t.toml:4:1: warning: no database uses [cluster.spare], nobody can reach it, write [database.NAME] with cluster = "spare""#,
                #"t.toml:5:45: error: server "a:1" stands twice in [cluster.spare], a server has one place, remove one of them"#,
            ])
    }

    @Test func clusterNobodyCanTalkTo() {
        #expect(
            problems(below: "cluster.main.protocol = \"mysql\"\n") == [
                #"t.toml:4:25: warning: [cluster.main] speaks mysql, no [[listen]] does, write a [[listen]] with protocol = "mysql""#
            ])
    }

    @Test func trustFromAnywhere() {
        let text = """
            headgate.auth_type = "trust"
            listen = [{ address = "*:1" }, { address = "127.0.0.1:2" }, { address = "unix:/run/x" }]
            cluster.main.servers = [{ address = "127.0.0.1:5432" }]
            database.shop.cluster = "main"
            user.a = {}
            console.admin_users = ["anybody"]
            """
        #expect(
            problems(text) == [
                #"t.toml:1:22: warning: auth_type is "trust" at "*:1", whoever reaches it is let in as anybody, write auth_type = "scram-sha-256""#
            ])
    }

    @Test func secretsAndUsers() {
        let text = """
            [user.a]
            password = "hunter2"
            [user.b]
            [user.c]
            password = { verifier = "md50123456789abcdef0123456789abcdef" }
            server_password = { verifier = "SCRAM-SHA-256$4096:c2FsdA==$a:b" }
            [user.d]
            password = { verifier = "hunter2" }
            [user.e]
            password = { command = [] }
            [user.f]
            password = { env = "SECRET_OF_F", ttl = "5m" }
            [console]
            admin_users = ["a", "z"]
            """
        let found = problems(below: text)
        #expect(
            found == [
                #"t.toml:5:12: warning: password stands in the file as it is, whoever reads the file knows it, write password = { file = "/run/secrets/app" }"#,
                #"t.toml:6:1: warning: [user.b] has no password, nobody can log in with it, write password = { file = "/run/secrets/b" }"#,
                #"t.toml:8:12: error: password of [user.c] is an md5 verifier, auth_type scram-sha-256 cannot use it, write one made with headgate secret scram, or auth_type = "md5""#,
                #"t.toml:9:19: error: server_password is a SCRAM verifier, the proxy cannot log in with it, only let clients in, write the password: { file = "…" }, { env = "…" } or { command = ["…"] }"#,
                #"t.toml:11:25: error: verifier is neither SCRAM nor MD5, it must be a verifier as headgate secret prints it, "SCRAM-SHA-256$…" or "md5…", make one with headgate secret scram"#,
                #"t.toml:13:12: error: password has an empty command, the first element names the program, write password = { command = ["/usr/bin/program", "argument"], ttl = "10m" }"#,
                #"t.toml:15:35: error: ttl stands without command or file, nothing else can change while headgate runs, remove ttl"#,
                #"t.toml:17:21: warning: admin_users names "z", there is no [user.z], did you mean "a"?"#,
            ])
        #expect(!found.joined().contains("hunter2"))
    }

    @Test func filesThatAreNotThere() {
        var empty = calm
        empty.facts = { _ in .failure(AccessFailure("No such file or directory")) }
        empty.variable = { _ in nil }
        let text =
            sound + """
                [headgate]
                state_dir = "/srv/headgate"
                [user.a]
                password = { file = "/run/a" }
                [user.b]
                password = { env = "B" }
                """
        #expect(
            problems(text, in: empty) == [
                #"t.toml:5:13: error: state_dir "/srv/headgate" cannot be used: No such file or directory, the history of the configuration is kept there, make it (install -d -o headgate /srv/headgate) or write another state_dir"#,
                #"t.toml:7:21: error: password "/run/a" cannot be read: No such file or directory, it is needed to start, write the path of a file that is there"#,
                "t.toml:9:12: error: password cannot be had from environment variable B, it is not set, write a source that gives the secret",
            ])
    }

    @Test func tlsNeedsItsFiles() {
        let text = """
            [[listen]]
            address = "127.0.0.1:6432"
            tls = "verify-full"
            [cluster.main]
            servers = [{ address = "127.0.0.1:5432" }]
            tls = "verify-ca"
            tls_key = "/etc/key.pem"
            [database.shop]
            cluster = "main"
            """
        #expect(
            problems(text) == [
                #"t.toml:3:7: error: tls is "verify-full" without tls_cert and tls_key, clients are shown a certificate, write tls_cert and tls_key, or tls = "disable""#,
                #"t.toml:3:7: error: tls is "verify-full" without tls_ca, certificates are checked against it, write tls_ca = "/etc/headgate/tls/ca.pem""#,
                #"t.toml:6:7: error: tls is "verify-ca" without tls_ca, certificates are checked against it, write tls_ca = "/etc/headgate/tls/ca.pem""#,
                #"t.toml:7:11: error: [cluster.main] has tls_key without tls_cert, one is useless without the other, write tls_cert = "/etc/headgate/tls/cert.pem""#,
            ])
    }

    @Test func proxySourcesThatCannotCome() {
        let text = """
            listen = [
                { address = "127.0.0.1:6432", proxy_protocol = ["10.0.0.0/8", "unix", "10.0.0.1/8", "unix:/x"] },
                { address = "unix:/tmp/x", proxy_protocol = ["unix", "10.0.0.0/8"] },
            ]
            """
        let found = problems(text).filter { $0.contains("proxy_protocol") }
        #expect(
            found == [
                #"t.toml:2:75: error: proxy_protocol has "10.0.0.1/8", it has bits set past its prefix, write "10.0.0.0/8""#,
                #"t.toml:2:89: error: proxy_protocol is "unix:/x", it must be a block of addresses such as "10.0.0.0/8" or "fd00::/8", or "unix", write "10.0.0.0/8""#,
                #"t.toml:3:58: warning: proxy_protocol has "10.0.0.0/8", which has no effect, clients of a unix socket have no address, write "unix" to believe whoever may open the socket"#,
            ])
        let other = problems(text.replacing(#""10.0.0.1/8", "unix:/x""#, with: #""::1""#))
        #expect(
            other.filter { $0.contains("proxy_protocol") } == [
                #"t.toml:2:67: warning: proxy_protocol has "unix", which has no effect, this listener is not a unix socket, remove it"#,
                #"t.toml:3:58: warning: proxy_protocol has "10.0.0.0/8", which has no effect, clients of a unix socket have no address, write "unix" to believe whoever may open the socket"#,
            ])
    }

    @Test func appsAndSinks() {
        let text = """
            [[app]]
            name = "all"
            burst = 5
            [[app]]
            name = "all"
            match = { source = ["10.1.2.3/8"], databse = "x" }
            [audit]
            classes = { DDL = "strict", DLL = "strict" }
            [[audit.sink]]
            type = "syslog"
            [[audit.sink]]
            type = "kafka"
            brokers = ["127.0.0.1:9092"]
            topic = "audit"
            [[audit.sink]]
            type = "stdout"
            format = "cef"
            """
        #expect(
            problems(below: text) == [
                "t.toml:6:1: warning: burst has no effect, there is no statements_per_second, write statements_per_second = 5",
                #"t.toml:8:8: error: name "all" is taken, another [[app]] in line 5 has it, write another name"#,
                #"t.toml:8:8: warning: [[app]] "all" is never reached, "all" in line 5 matches every connection, move it further up"#,
                #"t.toml:9:21: error: source has "10.1.2.3/8", it has bits set past its prefix, write "10.0.0.0/8""#,
                #"t.toml:9:36: error: unknown key "databse" in match, there is no such setting, did you mean "database"?"#,
                #"t.toml:11:29: error: unknown class of statements "DLL" in classes, only READ, WRITE, DDL, ROLE, TCL, FUNCTION, MISC, MISC_SET, COPY, ADMIN, UNKNOWN are known, did you mean "DDL"?"#,
                #"t.toml:12:1: error: [[audit.sink]] of type "syslog" has no address, records would go nowhere, write address = "127.0.0.1:6514""#,
                #"t.toml:15:8: error: [[audit.sink]] cannot be of type "kafka" yet, this version sends to syslog, unix sockets and the standard output, write type = "syslog""#,
                #"t.toml:20:10: error: [[audit.sink]] cannot have the format "cef" yet, this version sends json, write format = "json""#,
            ])
    }

    @Test func theLastResortTakesWhatIsLeft() {
        let text = """
            [[app]]
            name = "default"
            max_client_connections = 10
            [[app]]
            name = "web"
            match = { user = "web" }
            """
        #expect(problems(below: text) == [])
        #expect(
            problems(below: "[[app]]\nname = \"default\"\nmatch = { user = \"a\" }") == [
                #"t.toml:6:1: error: [[app]] "default" has a match, it takes the connections that fit no other, remove match, or give it another name"#
            ])
    }
}
