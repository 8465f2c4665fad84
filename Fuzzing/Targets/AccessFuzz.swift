import ByteKit
import Credentials
import Sessions
import Settings

/// Rules are of use exactly when nothing is wrong with them, decide the same twice, and let nobody in whom no line names;
/// a server that looks up a user may answer anything, and nobody becomes anybody else by it.
enum AccessFuzz {
    private static let configuration = """
        listen = [{ address = "127.0.0.1:6432", hba_file = "/etc/hba.conf", ident_file = "/etc/ident.conf" }]
        cluster.main.servers = [{ address = "127.0.0.1:5432" }]
        database.shop.cluster = "main"
        """

    static func run(_ input: [UInt8]) -> String? {
        var dice = Dice(input)
        return dice.below(2) == 0 ? rules(dice.rest()) : exchange(&dice)
    }

    private static func rules(_ input: [UInt8]) -> String? {
        let end = input.firstIndex(of: 0) ?? input.count
        let (hba, ident) = (Array(input[..<end]), Array(input[end...].dropFirst()))
        let environment = SettingsEnvironment(
            read: { path, _ in
                path == "/etc/hba.conf" ? .success(hba) : path == "/etc/ident.conf" ? .success(ident) : .success([97])
            },
            facts: { _ in .failure(AccessFailure("no")) }, variable: { _ in nil }, hostName: { "host" },
            run: { _, _, _ in .failure(AccessFailure("no")) }, now: { 0 }, readsCertificates: false)
        let result = SettingsLoader.decode(Array(configuration.utf8), file: "fuzz.toml", environment: environment)
        if (result.configuration == nil) != !result.errors.isEmpty {
            return "errors do not say if it is a configuration"
        }
        for problem in result.problems where problem.line < 1 || problem.column < 1 || problem.message.isEmpty {
            return "a problem without a place or words"
        }
        guard let made = result.configuration, let files = made.listeners.first.flatMap(made.accessFiles),
            let rules = made.accessRules[files]
        else { return nil }
        for (address, isSecure) in [(nil, false), ([10, 0, 0, 1], false), ([10, 0, 0, 1], true)] as [([UInt8]?, Bool)] {
            let request = AccessRequest(address: address, isSecure: isSecure, database: "shop", user: "app")
            let first = rules.rule(for: request) { [] }
            if first != rules.rule(for: request, interfaces: { [] }) { return "two verdicts on one client" }
            if first?.method == .peer, address != nil { return "peer without a unix socket" }
            if first?.method == .certificate, !isSecure { return "a certificate without TLS" }
        }
        _ = rules.mayBe("app", as: "app@x", map: "m")
        return nil
    }

    private static func exchange(_ dice: inout Dice) -> String? {
        var exchange = AuthQueryExchange(user: "u")
        _ = exchange.question("SELECT $1")
        let bytes = dice.rest()
        let (consumed, answer) = bytes.withSpan { exchange.received($0) }
        if let consumed, consumed > bytes.count { return "more was taken than there was" }
        if case .found? = answer, !bytes.contains(UInt8(ascii: "u")) { return "found somebody else" }
        return nil
    }
}
