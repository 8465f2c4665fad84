extension AccessRules {
    /// Reads the HBA file of `files` and its ident file, which `named` and `identNamed` (places in the configuration) name.
    /// What is wrong is in `problems`; the rules are of use only if nothing is.
    static func read(
        _ files: AccessFiles, named: FilePlace, identNamed: FilePlace, environment: SettingsEnvironment
    ) -> (rules: AccessRules, problems: [Problem]) {
        var parser = AccessParser(reader: AccessReader(environment))
        var made = AccessRules()
        let lines = parser.reader.lines(of: files.hba, named: named)
        made.rules = lines.compactMap { parser.rule($0) }
        if lines.isEmpty, parser.reader.problems.isEmpty {
            parser.reader.error(
                FilePlace(file: files.hba, position: .start), "the file has no rule", "nobody could connect",
                "write a line such as: host all all 127.0.0.1/32 scram-sha-256")
        }
        if let ident = files.ident {
            made.maps = parser.reader.lines(of: ident, named: identNamed).compactMap { parser.entry($0) }
        }
        for (map, place) in parser.maps where !made.maps.contains(where: { $0.map == map }) {
            parser.reader.error(
                place, "there is no map \(quoted(map))",
                files.ident.map { "\(quoted($0)) has no line for it" }
                    ?? "no ident file is named", "write one into the file that ident_file (or auth_ident_file) names")
        }
        return (made, parser.reader.problems)
    }
}

/// Makes rules and maps of lines.
struct AccessParser {
    var reader: AccessReader
    /// Which maps rules name, and where.
    fileprivate(set) var maps: [(map: String, place: FilePlace)] = []

    init(reader: AccessReader) { self.reader = reader }

    /// One rule; nil if something is wrong with it.
    mutating func rule(_ line: AccessLine) -> AccessRule? {
        var fields = line.fields[...]
        guard let kind = kind(fields.popFirst()) else { return nil }
        guard let databases = names(fields.popFirst(), "a database", of: line, { try? $0.database($1) }),
            let users = names(fields.popFirst(), "a user", of: line, { try? $0.user($1) })
        else { return nil }
        var source = AccessRule.Source.anywhere
        if kind != .local {
            guard let found = self.source(&fields, of: line) else { return nil }
            source = found
        }
        guard let word = single(fields.popFirst(), "a method", of: line), let method = method(word, kind) else {
            return nil
        }
        var rule = AccessRule(
            kind: kind, databases: databases, users: users, source: source, method: method,
            place: "\(line.place.file):\(line.place.position.line)")
        if method == .certificate { rule.clientCertificate = .verifyFull }
        var isGood = true
        for option in fields.joined() where !self.option(option, &rule) { isGood = false }
        if rule.method == .certificate { rule.clientCertificate = .verifyCA }
        return isGood ? rule : nil
    }

    // MARK: Parts

    private mutating func kind(_ field: [AccessToken]?) -> AccessRule.Kind? {
        guard let field, let word = field.first else { return nil }
        if field.count == 1, !word.isQuoted, let kind = AccessRule.Kind(rawValue: word.text) { return kind }
        let words = AccessRule.Kind.allCases.map(\.rawValue)
        reader.error(
            word.place, "a rule begins with \(quoted(word.text))",
            "it must begin with \(words.joined(separator: ", "))",
            Suggestion.phrase(for: word.text, among: words, otherwise: "write host"))
        return nil
    }

    /// The only word of a field.
    private mutating func single(_ field: [AccessToken]?, _ what: String, of line: AccessLine) -> AccessToken? {
        guard let field, let word = field.first else {
            missing(what, of: line)
            return nil
        }
        guard field.count == 1 else {
            reader.error(
                field[1].place, "several words stand for \(what)", "there is one of it in a rule", "write one of them")
            return nil
        }
        return word
    }

    private mutating func missing(_ what: String, of line: AccessLine) {
        reader.error(
            line.place, "the line ends before \(what)", "a rule is a type, databases, users, addresses and a method",
            "write for example: host all all 127.0.0.1/32 scram-sha-256")
    }

    private mutating func names(
        _ field: [AccessToken]?, _ what: String, of line: AccessLine,
        _ read: (inout AccessParser, AccessToken) -> AccessRule.Name?
    ) -> [AccessRule.Name]? {
        guard let field else {
            missing(what, of: line)
            return nil
        }
        let names = field.map { read(&self, $0) }
        let good = names.compactMap(\.self)
        return good.count == names.count ? good : nil
    }

    /// Something was wrong, and has been told.
    struct Told: Error {}

    private mutating func database(_ token: AccessToken) throws(Told) -> AccessRule.Name {
        if token.isKeyword("all") { return .all }
        if token.isKeyword("sameuser") { return .sameUser }
        if token.isKeyword("replication") { return .replication }
        if token.isKeyword("samerole") || token.isKeyword("samegroup") { throw membership(token) }
        return try name(token)
    }

    private mutating func user(_ token: AccessToken) throws(Told) -> AccessRule.Name {
        if token.isKeyword("all") { return .all }
        if !token.isQuoted, token.text.hasPrefix("+") { throw membership(token) }
        return try name(token)
    }

    private mutating func membership(_ token: AccessToken) -> Told {
        reader.error(
            token.place, "\(quoted(token.text)) asks which roles a user is a member of", "only the server knows that",
            "write the names of the users, or a regular expression for them")
        return Told()
    }

    private mutating func name(_ token: AccessToken) throws(Told) -> AccessRule.Name {
        guard token.text.hasPrefix("/") else { return .exactly(token.text) }
        return .pattern(try pattern(token))
    }

    private mutating func pattern(_ token: AccessToken) throws(Told) -> NamePattern {
        do throws(NamePattern.Refusal) {
            return try NamePattern(String(token.text.dropFirst()))
        } catch {
            reader.error(
                token.place, "\(quoted(token.text)) is no regular expression", error.reason,
                "write a POSIX extended one such as \"/^shop_[0-9]+$\"")
            throw Told()
        }
    }

    private mutating func source(
        _ fields: inout ArraySlice<[AccessToken]>, of line: AccessLine
    ) -> AccessRule.Source? {
        guard let word = single(fields.popFirst(), "an address", of: line) else { return nil }
        if word.isKeyword("all") { return .anywhere }
        if word.isKeyword("samehost") { return .sameHost }
        if word.isKeyword("samenet") { return .sameNet }
        let parts = word.text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = AddressRange.address(String(parts[0])) else {
            reader.error(
                word.place, "\(quoted(word.text)) is no address",
                "names of hosts are not looked up, for whoever answers for "
                    + "them would decide who may come in",
                "write an address such as 10.1.0.0/16, or samehost, samenet or all")
            return nil
        }
        if parts.count == 2 {
            guard let prefix = Int(parts[1]), (0...(address.count * 8)).contains(prefix) else {
                reader.error(
                    word.place, "\(quoted(word.text)) has no length of a prefix behind the slash",
                    "it is a number from 0 to \(address.count * 8)",
                    "write \(parts[0])/\(address.count * 8) for one address")
                return nil
            }
            return .network(NetworkMask(address, prefix: prefix))
        }
        guard let mask = single(fields.popFirst(), "a mask", of: line) else { return nil }
        guard let bits = AddressRange.address(mask.text), bits.count == address.count else {
            reader.error(
                mask.place, "\(quoted(mask.text)) is no mask for \(quoted(word.text))",
                "behind an address without /PREFIX stands its mask",
                "write \(word.text)/\(address.count * 8) for one address")
            return nil
        }
        return .network(NetworkMask(mapped: address, bits))
    }

    // MARK: Methods

    /// Those of PostgreSQL that are not spoken here, and why.
    private static let unspoken = [
        "gss": "GSSAPI is not spoken", "sspi": "SSPI is not spoken", "ident": "ident servers are not asked",
        "pam": "PAM is not asked", "ldap": "LDAP servers are not asked", "radius": "RADIUS servers are not asked",
        "bsd": "BSD authentication is not spoken", "oauth": "OAuth is not spoken",
        "krb5": "Kerberos is not spoken", "crypt": "it is long gone",
    ]

    private mutating func method(_ word: AccessToken, _ kind: AccessRule.Kind) -> AccessMethod? {
        let known = ["trust", "reject", "scram-sha-256", "md5", "password", "cert", "peer"]
        // What PostgreSQL makes of it.
        let text = word.text == "ident" && kind == .local ? "peer" : word.text
        guard !word.isQuoted, let method = AccessMethod(rawValue: text) else {
            let why = Self.unspoken[text] ?? "there is no such method"
            reader.error(
                word.place, "\(quoted(word.text)) cannot be the method", why,
                Suggestion.phrase(
                    for: word.text, among: known, otherwise: "write one of \(known.joined(separator: ", "))"))
            return nil
        }
        switch (method, kind) {
        case (.peer, .host), (.peer, .hostssl), (.peer, .hostnossl), (.peer, .hostgssenc), (.peer, .hostnogssenc):
            reader.error(
                word.place, "peer cannot be the method of \(kind.rawValue)",
                "only a unix socket says which user of the system is at its other end", "write local, or another method"
            )
            return nil
        case (.certificate, .local), (.certificate, .host), (.certificate, .hostnossl), (.certificate, .hostgssenc),
            (.certificate, .hostnogssenc):
            reader.error(
                word.place, "cert cannot be the method of \(kind.rawValue)", "certificates come by TLS only",
                "write hostssl, or another method")
            return nil
        case (.plain, .host), (.plain, .hostnossl), (.plain, .hostnogssenc):
            reader.warning(
                word.place, "password is the method of \(kind.rawValue)",
                "passwords are not taken in the clear, so clients without TLS are refused",
                "write hostssl, or scram-sha-256")
        default: break
        }
        return method
    }

    // MARK: Options

    private mutating func option(_ word: AccessToken, _ rule: inout AccessRule) -> Bool {
        func told(_ what: String, _ why: String, _ instead: String) -> Bool {
            reader.error(word.place, what, why, instead)
            return false
        }
        guard let equals = word.text.firstIndex(of: "=") else {
            return told(
                "\(quoted(word.text)) stands behind the method", "options are NAME=VALUE", "remove it")
        }
        let (name, value) = (String(word.text[..<equals]), String(word.text[word.text.index(after: equals)...]))
        switch name {
        case "map":
            guard rule.method == .peer || rule.method == .certificate else {
                return told("map is of no use to \(rule.method.rawValue)", "peer and cert have maps", "remove it")
            }
            rule.map = value
            maps.append((value, word.place))
        case "clientcert":
            guard rule.kind == .hostssl else {
                return told(
                    "clientcert is of no use to \(rule.kind.rawValue)", "certificates come by TLS only", "write hostssl"
                )
            }
            guard let wanted = AccessRule.ClientCertificate(rawValue: value), wanted != .none else {
                return told(
                    "clientcert is \(quoted(value))", "it must be verify-ca or verify-full",
                    "write clientcert=verify-full")
            }
            if rule.method == .certificate, wanted == .verifyCA {
                return told(
                    "clientcert is \"verify-ca\" with the method cert", "that looks at the name in any case",
                    "write clientcert=verify-full or leave it out")
            }
            rule.clientCertificate = wanted
        case "clientname":
            guard rule.kind == .hostssl else {
                return told(
                    "clientname is of no use to \(rule.kind.rawValue)", "certificates come by TLS only", "write hostssl"
                )
            }
            guard let wanted = AccessRule.CertificateName(rawValue: value) else {
                return told("clientname is \(quoted(value))", "it must be CN or DN", "write clientname=CN")
            }
            rule.certificateName = wanted
        default:
            return told(
                "unknown option \(quoted(name))", "map, clientcert and clientname are known",
                Suggestion.phrase(for: name, among: ["map", "clientcert", "clientname"], otherwise: "remove it"))
        }
        return true
    }

    // MARK: Ident

    /// One line of an ident file; nil if something is wrong with it.
    mutating func entry(_ line: AccessLine) -> IdentEntry? {
        guard line.fields.count == 3, line.fields.allSatisfy({ $0.count == 1 }) else {
            reader.error(
                line.place, "the line has not three words",
                "it is the name of a map, a user of the system and a user here",
                "write for example: mymap alice app")
            return nil
        }
        let (map, system, user) = (line.fields[0][0], line.fields[1][0], line.fields[2][0])
        guard let name = try? self.user(user) else { return nil }
        guard system.text.hasPrefix("/") else {
            return IdentEntry(map: map.text, systemUser: .exactly(system.text), user: name)
        }
        guard let pattern = try? self.pattern(system) else { return nil }
        if case .exactly(let text) = name, IdentEntry.cut(text) != nil, pattern.groups == 0 {
            reader.error(
                user.place, "\\1 stands for nothing", "the expression \(quoted(system.text)) has no group",
                "write it with (…) around what is meant")
            return nil
        }
        return IdentEntry(map: map.text, systemUser: .pattern(pattern), user: name)
    }
}

extension NetworkMask {
    /// The addresses that agree with `address` in the first `prefix` bits.
    init(_ address: [UInt8], prefix: Int) {
        self.init(mapped: address, AddressRange.masked([UInt8](repeating: 255, count: address.count), prefix))
    }

    /// IPv4 addresses in IPv6's form are what they are: that is how clients are seen here, whatever their socket is.
    init(mapped address: [UInt8], _ mask: [UInt8]) {
        let isMapped =
            address.count == 16 && address[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255])
            && mask[..<12].allSatisfy { $0 == 255 }
        self.init(address: isMapped ? Array(address[12...]) : address, mask: isMapped ? Array(mask[12...]) : mask)
    }
}
