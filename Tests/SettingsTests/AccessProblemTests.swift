import Testing

@testable import Settings

@Suite("What is wrong with rules is told with its place")
struct AccessProblemTests {
    @Test(arguments: [
        (
            "",
            "1:1: error: the file has no rule, nobody could connect, write a line such as: host all all 127.0.0.1/32 scram-sha-256"
        ),
        (
            "hots all all all md5",
            "1:1: error: a rule begins with \"hots\", it must begin with local, host, hostssl, hostnossl, hostgssenc, hostnogssenc, did you mean \"host\"?"
        ),
        (
            "host all",
            "1:1: error: the line ends before a user, a rule is a type, databases, users, addresses and a method, write for example: host all all 127.0.0.1/32 scram-sha-256"
        ),
        (
            "host all +staff all md5",
            "1:10: error: \"+staff\" asks which roles a user is a member of, only the server knows that, write the names of the users, or a regular expression for them"
        ),
        (
            "host samerole all all md5",
            "1:6: error: \"samerole\" asks which roles a user is a member of, only the server knows that, write the names of the users, or a regular expression for them"
        ),
        (
            "host all all localhost md5",
            "1:14: error: \"localhost\" is no address, names of hosts are not looked up, for whoever answers for them would decide who may come in, write an address such as 10.1.0.0/16, or samehost, samenet or all"
        ),
        (
            "host all all 10.0.0.0/33 md5",
            "1:14: error: \"10.0.0.0/33\" has no length of a prefix behind the slash, it is a number from 0 to 32, write 10.0.0.0/32 for one address"
        ),
        (
            "host all all 10.0.0.0 md5",
            "1:23: error: \"md5\" is no mask for \"10.0.0.0\", behind an address without /PREFIX stands its mask, write 10.0.0.0/32 for one address"
        ),
        (
            "host all all 10.0.0.0 ffff:: md5",
            "1:23: error: \"ffff::\" is no mask for \"10.0.0.0\", behind an address without /PREFIX stands its mask, write 10.0.0.0/32 for one address"
        ),
        (
            "host all all all ldap ldapserver=x",
            "1:18: error: \"ldap\" cannot be the method, LDAP servers are not asked, write one of trust, reject, scram-sha-256, md5, password, cert, peer"
        ),
        (
            "host all all all gss",
            "1:18: error: \"gss\" cannot be the method, GSSAPI is not spoken, write one of trust, reject, scram-sha-256, md5, password, cert, peer"
        ),
        (
            "host all all all scram",
            "1:18: error: \"scram\" cannot be the method, there is no such method, did you mean \"scram-sha-256\"?"
        ),
        (
            "host all all all peer",
            "1:18: error: peer cannot be the method of host, only a unix socket says which user of the system is at its other end, write local, or another method"
        ),
        (
            "host all all all cert",
            "1:18: error: cert cannot be the method of host, certificates come by TLS only, write hostssl, or another method"
        ),
        (
            "host all all all password",
            "1:18: warning: password is the method of host, passwords are not taken in the clear, so clients without TLS are refused, write hostssl, or scram-sha-256"
        ),
        ("host all all all md5 map=x", "1:22: error: map is of no use to md5, peer and cert have maps, remove it"),
        (
            "host all all all md5 clientcert=verify-ca",
            "1:22: error: clientcert is of no use to host, certificates come by TLS only, write hostssl"
        ),
        (
            "hostssl all all all md5 clientcert=1",
            "1:25: error: clientcert is \"1\", it must be verify-ca or verify-full, write clientcert=verify-full"
        ),
        (
            "hostssl all all all cert clientcert=verify-ca",
            "1:26: error: clientcert is \"verify-ca\" with the method cert, that looks at the name in any case, write clientcert=verify-full or leave it out"
        ),
        (
            "hostssl all all all cert clientname=OU",
            "1:26: error: clientname is \"OU\", it must be CN or DN, write clientname=CN"
        ),
        (
            "hostssl all all all cert clientcrt=verify-full",
            "1:26: error: unknown option \"clientcrt\", map, clientcert and clientname are known, did you mean \"clientcert\"?"
        ),
        (
            "host all all all md5 md5",
            "1:22: error: \"md5\" stands behind the method, options are NAME=VALUE, remove it"
        ),
        (
            "local all all peer map=m",
            "1:20: error: there is no map \"m\", no ident file is named, write one into the file that ident_file (or auth_ident_file) names"
        ),
        (
            "host all \"x all md5\nhost all all all md5",
            "1:10: error: a quote is not closed, a name would take in the rest of the line, write \" behind it"
        ),
        (
            "host /a( all all md5",
            "1:6: error: \"/a(\" is no regular expression, Unmatched ( or \\(, write a POSIX extended one such as \"/^shop_[0-9]+$\""
        ),
        (
            "host /a(?:b) all all md5",
            "1:6: error: \"/a(?:b)\" is no regular expression, (?…) and non-greedy quantifiers are not understood, write a POSIX extended one such as \"/^shop_[0-9]+$\""
        ),
        (
            "host /a\\mb all all md5",
            "1:6: error: \"/a\\\\mb\" is no regular expression, \\m is not understood, only \\d, \\D, \\w, \\W, \\s and \\S are, write a POSIX extended one such as \"/^shop_[0-9]+$\""
        ),
        (
            "host \"/(a{1,99}){1,99}\" all all md5",
            "1:6: error: \"/(a{1,99}){1,99}\" is no regular expression, it repeats too much: {…} together at most 1000 times, write a POSIX extended one such as \"/^shop_[0-9]+$\""
        ),
        (
            "include gone.conf",
            "1:9: error: \"/etc/gone.conf\" cannot be read: No such file or directory, it says who may come in, write the path of a file that is there"
        ),
        ("include", "1:1: error: include names no file, it is followed by one name, write include FILE"),
        (
            "host all @gone all md5",
            "1:10: error: \"/etc/gone\" cannot be read: No such file or directory, it says who may come in, write the path of a file that is there"
        ),
    ])
    func problem(_ text: String, _ expected: String) {
        let problems = AccessFixture(text).problems
        #expect(problems.first == "/etc/hba.conf:" + expected)
    }

    @Test func columnsAreCharacters() {
        let problems = AccessFixture("host \"größe\" \"ß\" localhost md5").problems
        #expect(problems.first?.hasPrefix("/etc/hba.conf:1:18: error") == true)
    }

    @Test func checkTellsThem() {
        var environment = calm
        environment.read = { path, _ in .success(Array((path == "/etc/hba.conf" ? "host all all all pam" : "a b").utf8))
        }
        let text = """
            listen = [{ address = "127.0.0.1:6432", hba_file = "/etc/hba.conf", ident_file = "/etc/ident.conf" }]
            cluster.main.servers = [{ address = "127.0.0.1:5432" }]
            database.shop.cluster = "main"
            """
        #expect(
            problems(text, in: environment) == [
                "/etc/hba.conf:1:18: error: \"pam\" cannot be the method, PAM is not asked, write one of trust, reject, scram-sha-256, md5, password, cert, peer",
                "/etc/ident.conf:1:1: error: the line has not three words, it is the name of a map, a user of the system and a user here, write for example: mymap alice app",
            ])
    }

    @Test func certificatesNeedAnAuthority() {
        var environment = calm
        environment.read = { _, _ in .success(Array("hostssl all all all cert".utf8)) }
        let text = """
            headgate.auth_hba_file = "/etc/hba.conf"
            listen = [{ address = "127.0.0.1:6432", tls = "require", tls_cert = "/c.pem", tls_key = "/k.pem" }]
            cluster.main.servers = [{ address = "127.0.0.1:5432" }]
            database.shop.cluster = "main"
            """
        #expect(
            problems(text, in: environment) == [
                "t.toml:2:47: error: the listener has no tls_ca, the rule in /etc/hba.conf:1 wants a certificate of clients, which is checked against it, write tls_ca = \"/etc/headgate/tls/ca.pem\""
            ])
    }

    @Test func identFilesWithoutRules() {
        #expect(
            problems(below: "headgate.auth_ident_file = \"/etc/ident.conf\"\n") == [
                "t.toml:4:28: warning: auth_ident_file has no effect, only rules use its maps, write auth_hba_file as well, or remove it"
            ])
    }
}
