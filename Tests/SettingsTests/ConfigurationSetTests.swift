import Testing

@testable import Settings

@Suite struct ConfigurationSetTests {
    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.databases["usual"] = DatabaseSettings(name: "usual", cluster: "main")
        configuration.databases["own"] = DatabaseSettings(name: "own", cluster: "main")
        configuration.databases["own"]?.pool.defaultPoolSize = 3
        return configuration
    }

    private func set(_ key: String, _ value: String) -> Configuration? {
        switch configuration.setting(key, to: value) {
        case .success(let changed): changed
        case .failure: nil
        }
    }

    @Test func aDefaultChangesTheDatabasesThatHaveIt() {
        let changed = set("default_pool_size", "7")
        #expect(changed?.defaults.defaultPoolSize == 7)
        #expect(changed?.databases["usual"]?.pool.defaultPoolSize == 7)
        #expect(changed?.databases["own"]?.pool.defaultPoolSize == 3)
    }

    @Test func valuesAsPgBouncerWritesThem() {
        #expect(set("query_timeout", "4")?.defaults.queryTimeout == .seconds(4))
        #expect(set("query_timeout", "500ms")?.defaults.queryTimeout == .milliseconds(500))
        #expect(set("log_connections", "0")?.general.logConnections == false)
        #expect(set("server_check_query", "select 1")?.general.serverCheckQuery == "select 1")
        #expect(set("max_client_conn", "5")?.general.maxClientConnections == 5)
    }

    @Test(arguments: [("threads", "2"), ("nonsense", "1"), ("default_pool_size", "many"), ("pool_mode", "sometimes")])
    func whatCannotBeSet(_ key: String, _ value: String) { #expect(set(key, value) == nil) }
}
