import Testing

@testable import Settings

@Suite struct AppMatchTests {
    @Test(arguments: [
        ("checkout-*", "checkout-7", true), ("checkout-*", "checkout-", true), ("checkout-*", "checkout", false),
        ("*", "", true), ("", "", true), ("", "a", false), ("?", "a", true), ("?", "", false), ("a?c", "abc", true),
        ("*b*", "abc", true), ("*b*d", "abcbd", true), ("*b*d", "abcbde", false), ("a*", "A", false),
        ("über-*", "über-1", true), ("**a", "bba", true), ("a**", "a", true),
    ])
    func patterns(pattern: String, text: String, fits: Bool) {
        #expect(Pattern.fits(pattern, text) == fits)
    }

    /// A pattern made to be slow is not: every star goes on from the last one only.
    @Test func patternsOfManyStarsEnd() {
        let pattern = String(repeating: "a*", count: 200) + "b"
        #expect(!Pattern.fits(pattern, String(repeating: "a", count: 4_000)))
    }

    @Test func everythingThatIsGivenMustFit() {
        var match = AppMatch()
        match.user = ["web", "shop-*"]
        match.database = ["shop"]
        match.source = [AddressRange("10.1.0.0/16")].compactMap { $0 }
        var client = ClientIdentity(user: "shop-1", database: "shop", source: [10, 1, 2, 3])
        #expect(match.fits(client))
        client.source = [10, 2, 2, 3]
        #expect(!match.fits(client))
        client.source = []
        #expect(!match.fits(client), "a unix socket has no address")
        client.source = [10, 1, 0, 0]
        client.database = "other"
        #expect(!match.fits(client))
    }

    @Test func certificatesFitOnlyWhoHasOne() {
        var match = AppMatch()
        match.certificate = ["CN=checkout*"]
        #expect(!match.fits(ClientIdentity(user: "a", database: "b")))
        #expect(match.fits(ClientIdentity(user: "a", database: "b", certificate: "CN=checkout-1,O=Shop")))
        match.certificate = ["*"]
        #expect(!match.fits(ClientIdentity(user: "a", database: "b")))
    }

    @Test func theFirstThatFitsWinsAndTheLastResortIsLast() {
        func app(_ name: String, user: String? = nil) -> AppSettings {
            var app = AppSettings()
            app.name = name
            if let user { app.match.user = [user] }
            return app
        }
        var configuration = Configuration()
        let client = ClientIdentity(user: "web", database: "shop")
        #expect(configuration.app(of: client).name == "default")
        configuration.apps = [app("default"), app("first", user: "web"), app("second", user: "*")]
        configuration.apps[0].maxClientConnections = 7
        #expect(configuration.app(of: client).name == "first")
        #expect(configuration.app(of: ClientIdentity(user: "x", database: "shop")).name == "second")
        configuration.apps.removeLast()
        #expect(configuration.app(of: ClientIdentity(user: "x", database: "shop")).maxClientConnections == 7)
    }
}
