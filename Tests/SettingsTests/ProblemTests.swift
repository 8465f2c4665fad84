import Testing

@testable import Settings

@Suite("Problems and where they stand")
struct ProblemTests {
    @Test func soundFileHasNone() { #expect(problems(sound) == []) }

    @Test func everythingWrongIsToldAtOnce() {
        let text = """
            [headgate]
            thread = 4
            max_client_conn = "many"
            client_login_timeout = 60
            stats_period = "0s"
            auth_type = "scram-sha256"
            tcp_keepalive = "yes"
            max_inspected_statement = "16MB"
            state_dir = "var/lib"

            [[listen]]
            address = "127.0.0.1"

            [[listen]]
            tls = "prefered"

            [cluster.main]
            servers = [{ adress = "10.0.0.1:5432" }, { address = "::1:5432" }, { address = "h:1", weight = -1 }]

            [defaults]
            pool_mode = "tx"

            [database.shop]
            cluster = "mian"
            default_pool_size = 0
            query_timeout = "30"

            [user.app]
            password = { file = "/secret", env = "X" }
            server_password = 7

            [databases.x]
            """
        #expect(
            problems(text) == [
                #"t.toml:2:1: error: unknown key "thread" in [headgate], there is no such setting, did you mean "threads"?"#,
                #"t.toml:3:19: error: max_client_conn is a string, it must be a whole number from 1 to 10000000, write max_client_conn = 10000"#,
                #"t.toml:4:24: error: client_login_timeout is a whole number, it must be a duration with its unit (us, ms, s, m, h, d), write client_login_timeout = "60s""#,
                #"t.toml:5:16: error: stats_period is "0s", it must be a duration from "1s" to "1d" with its unit (us, ms, s, m, h, d), write stats_period = "1s""#,
                #"t.toml:6:13: error: auth_type is "scram-sha256", it must be one of "trust", "password", "md5", "scram-sha-256", "cert", did you mean "scram-sha-256"?"#,
                #"t.toml:7:17: error: tcp_keepalive is a string, it must be true or false, write tcp_keepalive = true"#,
                #"t.toml:8:27: error: max_inspected_statement is "16MB", it must be a size of at least "1KiB" with its unit (B, KiB, MiB, GiB), write max_inspected_statement = "16MiB""#,
                #"t.toml:9:13: error: state_dir is "var/lib", it must be an absolute path, write one that begins with / such as "/var/lib/headgate""#,
                #"t.toml:12:11: error: address is "127.0.0.1", it has no port, write "127.0.0.1:6432""#,
                #"t.toml:14:1: error: [[listen]] has no address, it needs an address such as "127.0.0.1:6432", "[::1]:6432" or "unix:/path", write address = "127.0.0.1:6432""#,
                #"t.toml:15:7: error: tls is "prefered", it must be one of "disable", "prefer", "require", "verify-ca", "verify-full", did you mean "prefer"?"#,
                #"t.toml:18:12: error: servers has no address, it needs an address such as "127.0.0.1:5432", "[::1]:5432" or "unix:/path", write address = "127.0.0.1:5432""#,
                #"t.toml:18:14: error: unknown key "adress" in servers, there is no such setting, did you mean "address"?"#,
                #"t.toml:18:54: error: address is "::1:5432", an IPv6 address stands in brackets, write "[::1]:5432""#,
                #"t.toml:18:96: error: weight is -1, it must be a whole number from 0 to 10000, write weight = 0"#,
                #"t.toml:21:13: error: pool_mode is "tx", it must be one of "session", "transaction", "statement", write pool_mode = "transaction""#,
                #"t.toml:24:11: error: there is no [cluster.mian], cluster names the servers of a database, did you mean "main"?"#,
                #"t.toml:25:21: error: default_pool_size is 0, it must be a whole number from 1 to 1000000, write default_pool_size = 1"#,
                #"t.toml:26:17: error: query_timeout is "30", it must be a duration with its unit (us, ms, s, m, h, d), write query_timeout = "30s""#,
                #"t.toml:29:12: error: password names several sources, it must be a secret: { file = "…" }, { env = "…" }, { command = ["…"] } or { verifier = "…" }, write password = { file = "/run/secrets/app" }"#,
                #"t.toml:30:19: error: server_password is a whole number, it must be a secret: { file = "…" }, { env = "…" }, { command = ["…"] } or { verifier = "…" }, write server_password = { file = "/run/secrets/app" }"#,
                #"t.toml:32:2: error: unknown section "databases", there is no such section, did you mean "database"?"#,
            ])
    }

    @Test func wrongShapes() {
        #expect(
            problems(below: "[app]\n") == [
                "t.toml:4:2: error: [app] is a table, there may be several of them, write [[app]]"
            ])
        #expect(
            problems(below: "user = 5\n") == [
                "t.toml:4:1: error: user is a whole number, every user has a name and a table of its own, write [user.NAME]"
            ])
        #expect(
            problems(below: "user.app = 5\n") == [
                "t.toml:4:6: error: user.app is a whole number, every user is a table of its own, write [user.NAME] above it"
            ])
        #expect(
            problems(below: "console = []\n") == [
                "t.toml:4:1: error: console is a list, it is a section, write [console]"
            ])
        #expect(
            problems("max_client_conn = 7\n" + sound) == [
                #"t.toml:1:1: error: unknown key "max_client_conn" outside any section, it is a setting of [headgate], write it below [headgate]"#
            ])
    }

    @Test func elementsOfLists() {
        #expect(
            problems(below: "[console]\nadmin_users = [\"dba\", 7, true]\nstats_users = \"dba\"\n[user]\n") == [
                #"t.toml:5:23: error: admin_users is a whole number, it must be text in quotes, write "7""#,
                #"t.toml:5:26: error: admin_users is true or false, it must be text in quotes, write """#,
                #"t.toml:6:15: error: stats_users is a string, it must be a list of user names, write stats_users = ["dba"]"#,
            ])
    }

    @Test func keysInTheWrongSection() {
        #expect(
            problems(below: "[defaults]\nmax_client_conn = 5\n[headgate]\npool_mode = \"session\"\n") == [
                #"t.toml:5:1: error: unknown key "max_client_conn" in [defaults], it is a setting of [headgate], write it below [headgate]"#,
                #"t.toml:7:1: error: unknown key "pool_mode" in [headgate], it is a setting of [defaults], write it below [defaults]"#,
            ])
    }

    @Test func syntaxErrorsHavePositionsAndHints() {
        let star = problems("[database.*]\n")
        #expect(star.count == 1)
        #expect(star.first?.hasPrefix("t.toml:1:11: error: ") == true)
        #expect(star.first?.hasSuffix(#"write [database."*"]"#) == true)
        let comment = problems("\n; a comment as in pgbouncer.ini\n")
        #expect(comment.first?.hasPrefix("t.toml:2:1: error: ") == true)
        #expect(comment.first?.hasSuffix("write # before a comment") == true)
        let twice = problems("[console]\nadmin_users = []\nadmin_users = []\n")
        #expect(twice.first?.hasPrefix("t.toml:3:") == true)
    }

    @Test func missingFileIsAProblem() {
        let result = SettingsLoader.load(path: "/no/such/headgate.toml")
        #expect(result.configuration == nil)
        #expect(
            result.problems.map(\.description) == [
                "/no/such/headgate.toml:1:1: error: the file cannot be read, No such file or directory, "
                    + "name another with --config FILE or mend this one"
            ])
    }

    @Test func suggestionsAreNearOrNone() {
        let words = ["query_timeout", "query_wait_timeout", "pool_mode"]
        #expect(Suggestion.closest(to: "query_timout", among: words) == "query_timeout")
        #expect(Suggestion.closest(to: "Query-Timeout", among: words) == "query_timeout")
        #expect(Suggestion.closest(to: "poolmode", among: words) == "pool_mode")
        let sizes = ["min_pool_size", "pool_mode", "pool_sizes"]
        #expect(Suggestion.closest(to: "pool_size", among: sizes.dropLast()) == "min_pool_size")
        #expect(Suggestion.closest(to: "banana", among: words) == nil)
        #expect(Suggestion.closest(to: "", among: words) == nil)
        #expect(Suggestion.editDistance(Array("abcd".utf8), Array("abdc".utf8)) == 1)
    }
}
