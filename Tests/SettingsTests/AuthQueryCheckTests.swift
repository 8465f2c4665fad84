import Testing

@testable import Settings

@Suite("Where users are looked up")
struct AuthQueryCheckTests {
    private static let asker = "user.asker.password = { env = \"X\" }\n"

    private func source(_ database: String, _ text: String) -> AuthSource? {
        load(sound + Self.asker + text).configuration?.authSource(database)
    }

    @Test func nowhereByDefault() {
        #expect(source("shop", "") == nil)
        #expect(source("nowhere", "headgate.auth_user = \"asker\"\n") == nil)
    }

    @Test func atTheDatabaseItself() {
        let found = source("shop", "headgate.auth_user = \"asker\"\n")
        #expect(found == AuthSource(user: "asker", query: AuthQuerySettings.usualQuery, database: "shop"))
    }

    @Test func elsewhere() {
        let text = """
            headgate.auth_user = "asker"
            headgate.auth_query = "select a.b($1)"
            headgate.auth_dbname = "shop"
            database.other = { cluster = "main", auth_query = "select 1, $1", auth_dbname = "other" }
            database."*".cluster = "main"

            """
        let general = AuthSource(user: "asker", query: "select a.b($1)", database: "shop")
        #expect(source("shop", text) == general)
        #expect(source("made up", text) == general)
        #expect(source("other", text) == AuthSource(user: "asker", query: "select 1, $1", database: "other"))
    }

    @Test func wrong() {
        #expect(
            problems(
                below: Self.asker
                    + "headgate = { auth_user = \"askr\", auth_dbname = \"shp\", auth_query = \"select 1\" }\n") == [
                    "t.toml:5:26: error: auth_user names \"askr\", there is no [user.askr], whose password is needed, did you mean \"asker\"?",
                    "t.toml:5:48: error: auth_dbname names \"shp\", there is no [database.shp], did you mean \"shop\"?",
                    "t.toml:5:68: error: auth_query has no $1, it stands for the user that is looked up, write for example \"SELECT name, secret FROM auth.users WHERE name = $1\"",
                ])
        #expect(
            problems(below: Self.asker + "database.\"*\" = { cluster = \"main\", auth_user = \"asker\" }\n") == [
                "t.toml:5:48: error: users of [database.\"*\"] cannot be looked up without auth_dbname, clients would choose the database that is asked, write auth_dbname = \"NAME\" of a [database.NAME]"
            ])
    }

    private static let verifier = "{ verifier = \"SCRAM-SHA-256$4096:c2FsdA==$a:b\" }"

    @Test func verifiersThatOpenNoServer() {
        #expect(
            problems(below: "headgate.auth_user = \"a\"\nuser.a.password = \(Self.verifier)\n") == [
                "t.toml:4:22: error: auth_user names \"a\", of whom only a SCRAM verifier is known, the proxy cannot log in with it, write server_password below [user.a]"
            ])
        #expect(
            problems(below: "user.a = { password = \(Self.verifier), server_user = \"b\" }\n").map { $0.prefix(65) }
                == [
                    "t.toml:4:87: error: [user.a] cannot log in to servers as \"b\", its"
                ])
        #expect(
            problems(below: "headgate.auth_type = \"trust\"\nuser.a.password = \(Self.verifier)\n").map {
                $0.prefix(60)
            } == [
                "t.toml:5:19: error: [user.a] cannot log in to servers, with "
            ])
        #expect(problems(below: "user.a.password = \(Self.verifier)\n") == [])
    }
}
