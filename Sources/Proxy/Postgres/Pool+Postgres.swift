import Sessions
import Settings

/// What the servers of a pool report to clients that log in, by the settings these begin with.
struct Welcomes {
    private var known: [ObjectIdentifier: (profile: SettingsProfile, status: StatusBlock)] = [:]

    subscript(profile: SettingsProfile) -> StatusBlock? { known[ObjectIdentifier(profile)]?.status }

    mutating func keep(_ status: StatusBlock, for profile: SettingsProfile) {
        if known.count >= 64 { known.removeAll() }
        known[ObjectIdentifier(profile)] = (profile, status)
    }

    mutating func removeAll() { known.removeAll() }
}

/// What only pools of PostgreSQL servers know.
extension Pool {
    /// What makes a server forget a client that left state on it. `server_reset_query` is for session pooling; what is
    /// left elsewhere (by a client that was pinned, or vanished) must go for certain.
    var resetQuery: String {
        guard settings.poolMode == .session || resetsAlways else { return "DISCARD ALL" }
        return worker.snapshot.configuration.general.serverResetQuery
    }

    /// Counts what a client said of prepared statements, and sets the tally to nothing.
    func count(_ tally: inout PrepareTally) {
        counters.clientParses &+= UInt64(tally.clientParses)
        counters.serverParses &+= UInt64(tally.serverParses)
        counters.binds &+= UInt64(tally.binds)
        tally = PrepareTally()
    }

    /// What the server reports to a client with these start-up settings, if that is known.
    func welcome(
        for base: SettingsProfile, _ applicationName: String?, _ environment: SessionEnvironment
    ) -> StatusBlock? {
        let key = environment.profiles.removing("application_name", from: base)
        var status = welcomes[key]
        if status == nil, let learned = global.welcome(key.entries) {
            let block = environment.statuses.intern(learned)
            welcomes.keep(block, for: key)
            status = block
        }
        guard let status else { return nil }
        return environment.statuses.reporting("application_name", Self.cleaned(applicationName ?? ""), in: status)
    }

    func remember(_ status: StatusBlock, for base: SettingsProfile, _ environment: SessionEnvironment) {
        let key = environment.profiles.removing("application_name", from: base)
        welcomes.keep(status, for: key)
        global.remember(status.entries, for: key.entries)
    }

    /// As PostgreSQL does it: printable ASCII, 63 bytes.
    private static func cleaned(_ name: String) -> String {
        String(
            decoding: name.utf8.prefix(63).map { $0 < 0x20 || $0 > 0x7E ? 0x3F : $0 }, as: UTF8.self)
    }
}
