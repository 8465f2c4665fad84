import Testing

@testable import Settings

@Suite("Maps in the syntax of pg_ident.conf")
struct IdentTests {
    private static let maps = AccessFixture(
        "local all all peer map=omicron",
        ident: #"""
            # MAPNAME       SYSTEM-USERNAME         PG-USERNAME
            omicron         bryanh                  bryanh
            omicron         ann                     ann
            omicron         robert                  bob
            omicron         bryanh                  guest1
            mymap   /^(.*)@mydomain\.com$      \1
            mymap   /^(.*)@otherdomain\.com$   guest
            everybody       root                    all
            literal         root                    "all"
            shops           /^shop                  /^shop_[a-z]+$
            parts           /^(a)(b)?$              x\1y
            spaced          "John Smith"            john
            """#)

    @Test func theExampleHasNoProblems() { #expect(Self.maps.problems == []) }

    @Test(arguments: [
        ("omicron", "bryanh", "bryanh", true), ("omicron", "robert", "bob", true),
        ("omicron", "robert", "robert", false),
        ("omicron", "bryanh", "guest1", true), ("omicron", "ann", "bryanh", false), ("omicron", "Ann", "ann", false),
        ("mymap", "joe@mydomain.com", "joe", true), ("mymap", "joe@mydomain.com", "jim", false),
        ("mymap", "joe@mydomainxcom", "joe", false), ("mymap", "joe@otherdomain.com", "guest", true),
        ("mymap", "joe@otherdomain.com", "joe", false), ("everybody", "root", "anyone", true),
        ("everybody", "joe", "anyone", false), ("literal", "root", "anyone", false), ("literal", "root", "all", true),
        ("shops", "shopkeeper", "shop_one", true), ("shops", "shopkeeper", "shop1", false), ("parts", "a", "xay", true),
        ("parts", "ab", "xay", true), ("spaced", "John Smith", "john", true), ("nothing", "root", "root", false),
    ])
    func mapped(_ map: String, _ name: String, _ user: String, _ may: Bool) {
        #expect(Self.maps.rules.mayBe(user, as: name, map: map) == may)
    }

    @Test func withoutAMapTheNamesAreTheSame() {
        #expect(Self.maps.rules.mayBe("ann", as: "ann", map: nil))
        #expect(!Self.maps.rules.mayBe("ann", as: "Ann", map: nil))
    }

    /// What a group matched is a name, whatever it spells.
    @Test func groupsAreNoKeywords() {
        let maps = AccessFixture("local all all peer map=m", ident: #"m /^(.*)$ \1"#).rules
        #expect(!maps.mayBe("postgres", as: "all", map: "m"))
        #expect(!maps.mayBe("postgres", as: "/.*", map: "m"))
        #expect(maps.mayBe("all", as: "all", map: "m"))
    }

    @Test(arguments: [
        (
            "m x",
            "1:1: error: the line has not three words, it is the name of a map, a user of the system and a user here, write for example: mymap alice app"
        ),
        (
            "m a b c",
            "1:1: error: the line has not three words, it is the name of a map, a user of the system and a user here, write for example: mymap alice app"
        ),
        (
            "m a +b",
            "1:5: error: \"+b\" asks which roles a user is a member of, only the server knows that, write the names of the users, or a regular expression for them"
        ),
        (
            #"m /^a$ \1"#,
            #"1:8: error: \1 stands for nothing, the expression "/^a$" has no group, write it with (…) around what is meant"#
        ),
        (
            "m /[ b",
            "1:3: error: \"/[\" is no regular expression, Invalid regular expression, write a POSIX extended one such as \"/^shop_[0-9]+$\""
        ),
    ])
    func problem(_ text: String, _ expected: String) {
        let problems = AccessFixture("local all all trust", ident: text).problems
        #expect(problems.first == "/etc/ident.conf:" + expected)
    }
}
