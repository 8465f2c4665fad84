import Testing

@testable import Settings

/// Files of rules for tests: `/etc/hba.conf`, and whatever else is given beside it.
struct AccessFixture {
    let rules: AccessRules
    let problems: [String]
    var list: [AccessRule] { rules.rules }

    init(_ hba: String, ident: String? = nil, _ others: [String: String] = [:]) {
        let all = others.merging(["hba.conf": hba, "ident.conf": ident ?? ""]) { one, _ in one }
        var environment = calm
        environment.read = { path, _ in
            guard let text = all[String(path.dropFirst(5))] else {
                return .failure(AccessFailure("No such file or directory"))
            }
            return .success(Array(text.utf8))
        }
        environment.facts = { path in
            guard all[String(path.dropFirst(5))] != nil else { return .failure(AccessFailure("no")) }
            return .success(FileFacts(isDirectory: false, mode: 0o600, isReadable: true, isWritable: true))
        }
        environment.list = { path in
            .success(
                all.keys.filter { $0.hasPrefix(path.dropFirst(5) + "/") }
                    .map { String($0.dropFirst(path.utf8.count - 4)) })
        }
        let place = FilePlace(file: "t.toml", position: .start)
        let (rules, problems) = AccessRules.read(
            AccessFiles(hba: "/etc/hba.conf", ident: ident == nil ? nil : "/etc/ident.conf"), named: place,
            identNamed: place, environment: environment)
        self.rules = rules
        self.problems = problems.map(\.description)
    }

    /// The method a client is asked for, with the line of the rule; nil if none fits.
    func verdict(
        _ database: String, _ user: String, _ from: String?, tls: Bool = false, replication: Bool = false,
        interfaces: [InterfaceAddress] = []
    ) -> String? {
        let request = AccessRequest(
            address: from.flatMap { AddressRange.address($0) }, isSecure: tls, database: database, user: user,
            isPhysicalReplication: replication)
        guard let rule = rules.rule(for: request, interfaces: { interfaces }) else { return nil }
        return "\(rule.place.split(separator: ":").last ?? "") \(rule.method.rawValue)"
    }
}

@Suite("Rules in the syntax of pg_hba.conf")
struct AccessRulesTests {
    /// PostgreSQL's own examples, without what needs the server or names of hosts.
    static let example = AccessFixture(
        #"""
        # TYPE  DATABASE        USER            ADDRESS                 METHOD
        local   all             postgres                                trust
        host    all             all             127.0.0.1/32            trust
        host    all             all             127.0.0.2       255.255.255.255     md5
        host    all             all             ::1/128                 trust
        host    "/^db\d{2,4}$"  all             10.9.0.0/16             trust
        host    postgres        all             192.168.12.10/32        scram-sha-256
        host    all             all             192.168.54.1/32         reject
        hostgssenc all          all             0.0.0.0/0               trust
        hostssl all             secure          0.0.0.0/0               scram-sha-256
        hostnossl all           clear           0.0.0.0/0               md5
        local   sameuser        all                                     md5
        local   all             /^.*helpdesk$                           scram-sha-256
        local   all             @admins                                 password
        local   db1,db2,@demodbs  all                                   md5
        host    replication     repl            10.0.0.0/8              scram-sha-256
        host    "all"           "all"           10.0.0.0/8              md5
        """#, ["admins": "ann, bill\n# not carl\n\"dora\"\n", "demodbs": "db3 db4\n@more", "more": "db5"])

    @Test func theExampleHasNoProblems() { #expect(Self.example.problems == []) }

    @Test(
        arguments: [
            ("x", "postgres", nil, "2 trust"), ("x", "joe", "127.0.0.1", "3 trust"), ("x", "joe", "127.0.0.2", "4 md5"),
            ("x", "joe", "127.0.0.3", nil), ("x", "joe", "::1", "5 trust"), ("db42", "joe", "10.9.3.4", "6 trust"),
            ("db4", "joe", "10.9.3.4", nil), ("xdb42", "joe", "10.9.3.4", nil),
            ("postgres", "joe", "192.168.12.10", "7 scram-sha-256"),
            ("x", "joe", "192.168.54.1", "8 reject"), ("x", "clear", "1.2.3.4", "11 md5"),
            ("x", "secure", "1.2.3.4", nil),
            ("joe", "joe", nil, "12 md5"), ("x", "the helpdesk", nil, "13 scram-sha-256"),
            ("x", "bill", nil, "14 password"),
            ("x", "dora", nil, "14 password"), ("x", "carl", nil, nil), ("db2", "joe", nil, "15 md5"),
            ("db4", "joe", nil, "15 md5"),
            ("db5", "joe", nil, "15 md5"), ("replication", "repl", "10.0.0.1", nil),
            ("all", "all", "10.0.0.1", "17 md5"),
            ("all", "joe", "10.0.0.1", nil),
        ] as [(String, String, String?, String?)])
    func firstMatchWins(_ database: String, _ user: String, _ from: String?, _ verdict: String?) {
        #expect(Self.example.verdict(database, user, from) == verdict)
    }

    @Test func encryptionAndReplication() {
        #expect(Self.example.verdict("x", "secure", "1.2.3.4", tls: true) == "10 scram-sha-256")
        #expect(Self.example.verdict("x", "clear", "1.2.3.4", tls: true) == nil)
        #expect(Self.example.verdict("", "repl", "10.0.0.1", replication: true) == "16 scram-sha-256")
        // "all" is no physical replication.
        #expect(Self.example.verdict("", "repl", "127.0.0.1", replication: true) == nil)
    }

    @Test func hostWithoutGSSAPIIsEveryHost() {
        let rules = AccessFixture("hostnogssenc all all all md5")
        #expect(rules.verdict("x", "y", "1.2.3.4") == "1 md5")
        #expect(rules.verdict("x", "y", nil) == nil)
    }

    @Test func ownAddressesAndNetworks() {
        let rules = AccessFixture("host a all samehost md5\nhost b all samenet md5")
        let own = [
            InterfaceAddress(address: [10, 1, 2, 3], mask: [255, 255, 0, 0]),
            InterfaceAddress(
                address: [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [7], mask: [UInt8](repeating: 255, count: 16)
            ),
        ]
        #expect(rules.verdict("a", "y", "10.1.2.3", interfaces: own) == "1 md5")
        #expect(rules.verdict("a", "y", "10.1.2.4", interfaces: own) == nil)
        #expect(rules.verdict("b", "y", "10.1.200.4", interfaces: own) == "2 md5")
        #expect(rules.verdict("b", "y", "10.2.0.1", interfaces: own) == nil)
        #expect(rules.verdict("a", "y", "fe80::7", interfaces: own) == "1 md5")
        #expect(rules.verdict("b", "y", nil, interfaces: own) == nil)
    }

    @Test func addresses() {
        // Bits past the mask do not count, as in PostgreSQL; masks need not be prefixes.
        let rules = AccessFixture(
            """
            host a all 10.1.2.3/8 md5
            host b all 10.0.0.1 255.0.0.255 md5
            host c all ::ffff:192.0.2.0/120 md5
            host d all 0.0.0.0/0 md5
            host e all ::/0 md5
            host f all 2001:db8::1 ffff:ffff:: md5
            """)
        #expect(rules.problems == [])
        #expect(rules.verdict("a", "y", "10.200.0.0") == "1 md5")
        #expect(rules.verdict("b", "y", "10.7.7.1") == "2 md5")
        #expect(rules.verdict("b", "y", "10.7.7.2") == nil)
        #expect(rules.verdict("c", "y", "192.0.2.9") == "3 md5")
        #expect(rules.verdict("d", "y", "2001::1") == nil)
        #expect(rules.verdict("e", "y", "1.2.3.4") == nil)
        #expect(rules.verdict("e", "y", "2001::1") == "5 md5")
        #expect(rules.verdict("f", "y", "2001:db8:9::9") == "6 md5")
    }

    @Test func wordsAndLines() {
        let rules = AccessFixture(
            "host \"a b\",\"c,d\", e\\\nf \"say \"\"hi\"\"\" all \\\n  md5 # \"all\" \\\nstill a comment\r\nhost all x#y all trust\n\n  \nhost all u all \\\r\ntrust"
        )
        #expect(rules.problems.first?.hasPrefix("/etc/hba.conf:5:1: error: the line ends before an address") == true)
        #expect(rules.problems.count == 1)
        #expect(rules.list.count == 2)
        #expect(rules.verdict("c,d", "say \"hi\"", "1.1.1.1") == "1 md5")
        #expect(rules.verdict("ef", "say \"hi\"", "1.1.1.1") == "1 md5")
        #expect(rules.verdict("z", "u", "1.1.1.1") == "8 trust")
    }

    @Test func includes() {
        let rules = AccessFixture(
            "include \"sub/one.conf\"\ninclude_if_exists nothing.conf\ninclude_dir sub\nhost last all all md5",
            [
                "sub/one.conf": "include two.conf\nhost one all all md5", "sub/two.conf": "host two @users all md5",
                "sub/users": "u", "sub/.hidden.conf": "nonsense", "sub/not.txt": "nonsense",
            ])
        #expect(rules.problems == [])
        #expect(
            rules.list.map(\.place) == [
                "/etc/sub/two.conf:1", "/etc/sub/one.conf:2", "/etc/sub/two.conf:1", "/etc/sub/one.conf:2",
                "/etc/sub/two.conf:1", "/etc/hba.conf:4",
            ])
        #expect(rules.verdict("two", "u", "1.1.1.1") == "1 md5")
    }

    @Test func circlesEnd() {
        let rules = AccessFixture("include hba.conf\nhost all @list all md5", ["list": "@list"])
        #expect(rules.problems.contains { $0.contains("is included too deep") })
    }

    @Test func certificateOptions() throws {
        let rules = AccessFixture(
            """
            hostssl a all all cert map=people clientname=DN
            hostssl b all all scram-sha-256 clientcert=verify-ca
            hostssl c all all md5 clientcert=verify-full
            hostssl d all all cert clientcert=verify-full
            local   e all peer "map=people"
            local   f all ident
            """, ident: "people x y")
        #expect(rules.problems == [])
        #expect(rules.list.map(\.clientCertificate) == [.verifyCA, .verifyCA, .verifyFull, .verifyCA, .none, .none])
        #expect(rules.list.map(\.certificateName) == [.distinguishedName] + Array(repeating: .commonName, count: 5))
        #expect(rules.list.map(\.map) == ["people", nil, nil, nil, "people", nil])
        #expect(rules.list.last?.method == .peer)
    }
}
