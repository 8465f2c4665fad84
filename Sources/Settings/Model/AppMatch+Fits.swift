/// What an `[[app]]` can tell connections by: what was given when the connection logged in.
public struct ClientIdentity: Sendable, Hashable {
    /// The user of the proxy.
    public var user: String
    /// The database as the client named it.
    public var database: String
    /// `application_name` of the start-up packet; with MySQL the connection attribute `program_name`. Empty if there is none.
    public var applicationName: String
    /// Its address, 4 or 16 bytes in network order; empty over a unix socket.
    public var source: [UInt8]
    /// The subject of its certificate in the form of RFC 2253 (`CN=checkout,O=Shop`); nil if it showed none.
    public var certificate: String?

    /// Somebody.
    public init(
        user: String, database: String, applicationName: String = "", source: [UInt8] = [], certificate: String? = nil
    ) {
        self.user = user
        self.database = database
        self.applicationName = applicationName
        self.source = source
        self.certificate = certificate
    }
}

extension AppMatch {
    /// Whether everything that is given fits; of several patterns for one thing, one must.
    public func fits(_ client: ClientIdentity) -> Bool {
        Self.fits(user, client.user) && Self.fits(database, client.database)
            && Self.fits(applicationName, client.applicationName)
            && (source.isEmpty || source.contains { $0.contains(client.source) })
            && (certificate.isEmpty || client.certificate.map { Self.fits(certificate, $0) } ?? false)
    }

    private static func fits(_ patterns: [String], _ text: String) -> Bool {
        patterns.isEmpty || patterns.contains { Pattern.fits($0, text) }
    }
}

/// `*` stands for any characters and `?` for any one; everything else for itself.
enum Pattern {
    /// Whether the whole of `text` is as `pattern` says. O(pattern × text) at worst, without recursion.
    static func fits(_ pattern: String, _ text: String) -> Bool {
        let pattern = Array(pattern.unicodeScalars)
        let text = Array(text.unicodeScalars)
        var (at, place) = (0, 0)
        // Where to go on when what follows the last star does not fit: one character later.
        var star: (after: Int, place: Int)?
        while place < text.count {
            if at < pattern.count, pattern[at] == "*" {
                at += 1
                star = (at, place)
            } else if at < pattern.count, pattern[at] == "?" || pattern[at] == text[place] {
                at += 1
                place += 1
            } else if let last = star {
                at = last.after
                place = last.place + 1
                star = (last.after, place)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == "*" }
    }
}

extension AppSettings {
    /// The application of connections that fit no other.
    public static let lastResort = "default"

    /// Whether it takes what fits no other; then it has no `match`.
    public var isLastResort: Bool { name == Self.lastResort }
}

extension Configuration {
    /// The one application a connection belongs to: the first whose `match` fits, else `default`, which has no limits
    /// unless an `[[app]]` of that name says so.
    public func app(of client: ClientIdentity) -> AppSettings {
        apps.first { !$0.isLastResort && $0.match.fits(client) } ?? appOfLastResort
    }

    /// `default`.
    public var appOfLastResort: AppSettings {
        if let written = apps.first(where: \.isLastResort) { return written }
        var made = AppSettings()
        made.name = AppSettings.lastResort
        return made
    }
}
