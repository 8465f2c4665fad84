import Testing

@testable import Settings

@Suite("Comparing and showing configurations")
struct ChangeTests {
    private func configuration(_ more: String = "", _ base: String = sound) throws -> Configuration {
        try #require(load(base + more).configuration)
    }

    @Test func sameIsEmpty() throws {
        let diff = ConfigurationDiff(from: try configuration(), to: try configuration())
        #expect(diff.isEmpty)
        #expect(diff.needingRestart.isEmpty)
    }

    @Test func namesAndKeys() throws {
        let old = try configuration(
            """
            [user.a]
            password = { env = "A" }
            [user.b]
            password = "old"
            [database.gone]
            cluster = "main"
            """)
        let new = try configuration(
            """
            [headgate]
            threads = 2
            max_client_conn = 7
            [defaults]
            query_timeout = "1s"
            [user.b]
            password = "new"
            [user.c]
            password = { env = "A" }
            [[listen]]
            address = "127.0.0.1:6433"
            """, sound.replacing("listen = [{ address = \"127.0.0.1:6432\" }]\n", with: ""))
        let diff = ConfigurationDiff(from: old, to: new)
        #expect(diff.users.added == ["c"])
        #expect(diff.users.removed == ["a"])
        #expect(diff.users.changed == ["b"])
        #expect(diff.databases.removed == ["gone"])
        #expect(diff.databases.changed == ["shop"])
        #expect(diff.listeners.added == ["127.0.0.1:6433"])
        #expect(diff.listeners.removed == ["127.0.0.1:6432"])
        #expect(diff.clusters.isEmpty)
        #expect(
            diff.changes.map { "\($0.section) \($0.key): \($0.before) -> \($0.after) \($0.change)" } == [
                "[headgate] threads: 0 -> 2 restart",
                "[headgate] max_client_conn: 10000 -> 7 live",
                #"[defaults] query_timeout: "0s" -> "1s" live"#,
                #"[database.shop] query_timeout: "0s" -> "1s" live"#,
                "[user.b] password: … -> … live",
                #"[[listen]] 127.0.0.1:6433 address:  -> "127.0.0.1:6433" restart"#,
                #"[[listen]] 127.0.0.1:6432 address: "127.0.0.1:6432" ->  restart"#,
            ])
        #expect(diff.needingRestart.map(\.key) == ["threads", "address", "address"])
    }

    @Test func orderOfAppsMatters() throws {
        let a = "[[app]]\nname = \"a\"\nmatch = { user = \"a\" }\n"
        let b = "[[app]]\nname = \"b\"\nmatch = { user = \"b\" }\n"
        let diff = ConfigurationDiff(from: try configuration(a + b), to: try configuration(b + a))
        #expect(diff.appsReordered)
        #expect(!diff.isEmpty)
    }

    @Test func rowsAsPgBouncerShowsThem() throws {
        let rows = try configuration("[defaults]\nserver_lifetime = \"1500ms\"\n").rows
        func row(_ key: String) -> String? {
            rows.first { $0.key == key }.map { "\($0.value)|\($0.defaultValue)|\($0.isChangeable ? "yes" : "no")" }
        }
        #expect(row("server_lifetime") == "1.5|3600|yes")
        #expect(row("query_wait_timeout") == "120|120|yes")
        #expect(row("max_client_conn") == "10000|10000|yes")
        #expect(row("tcp_keepalive") == "1|1|yes")
        #expect(row("server_reset_query") == "DISCARD ALL|DISCARD ALL|yes")
        #expect(row("listen_addr") == "127.0.0.1||no")
        #expect(row("listen_port") == "6432|6432|no")
        #expect(row("max_inspected_statement") == "16777216|16777216|yes")
        #expect(row("threads") == "0|0|no")
        #expect(rows.map(\.key) == rows.map(\.key).sorted())
        #expect(Set(rows.map(\.key)).count == rows.count)
    }
}
