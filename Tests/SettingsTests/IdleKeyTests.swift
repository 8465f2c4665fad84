import Testing

@testable import Settings

/// No key is ignored in silence: what has no effect is told of by `check`, and the manual says so.
@Suite("Keys without an effect")
struct IdleKeyTests {
    @Test func everyIdleKeyIsAKey() {
        for (section, keys) in IdleKeys.all {
            let known = SettingReference.all.filter { $0.section == section }
            #expect(!known.isEmpty, "\(section)")
            for key in keys.keys where key != "*" {
                #expect(known.contains { $0.key == key }, "\(section) \(key)")
            }
        }
    }

    @Test func theManualSaysSo() {
        let node = SettingReference.all.first { $0.section == "[cluster.NAME]" && $0.key == "failover_wait" }
        #expect(node?.summary.hasSuffix("No effect yet.") == true)
        let size = SettingReference.all.first { $0.key == "default_pool_size" }
        #expect(size?.summary.contains("effect") == false)
    }

    @Test func checkWarns() {
        let text = """
            listen = [{ address = "127.0.0.1:6432", tls = "disable" }]
            cluster.main.servers = [{ address = "127.0.0.1:5432", weight = 5 }, { address = "127.0.0.1:5433" }]
            cluster.main.tls = "prefer"
            database.shop = { cluster = "main", read_routing = "replicas", read_consistency = "session" }
            headgate.track_extra_parameters = ["IntervalStyle"]
            [http]
            address = "127.0.0.1:9127"
            """
        #expect(
            problems(text) == [
                "t.toml:2:24: warning: [cluster.main] has 2 servers, this version connects to them in turn and does not find out which is the primary, write one server, or only servers that are equal",
                "t.toml:2:55: warning: weight of [cluster.main] has no effect yet, reads are not routed, remove it, or do not rely on it",
                "t.toml:4:37: warning: read_routing of [database.shop] has no effect yet, reads are not routed, remove it, or do not rely on it",
                "t.toml:5:10: warning: track_extra_parameters of [headgate] has no effect, every setting follows the client, whether it is named here or not, remove it, or do not rely on it",
                "t.toml:6:1: warning: [http] has no effect yet, this version has no HTTP server, remove it, or do not rely on it",
            ])
    }

    @Test func errorsComeFirst() {
        #expect(
            problems("listen = [{ adress = \"*:1\", hba_file = \"/x.y\" }]\n").allSatisfy { !$0.contains("effect") })
    }
}
