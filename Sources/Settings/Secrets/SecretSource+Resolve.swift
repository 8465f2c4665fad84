/// Why a secret could not be had; never with what was had of it.
public struct SecretProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where it should have come from.
    public var source: String
    /// What is in the way.
    public var reason: String

    /// As one line.
    public var description: String { "\(source): \(reason)" }
}

extension SecretSource {
    /// The longest secret that is read.
    static let longest = 64 << 10
    /// How long a program may take to print one.
    static let commandTimeout = TimeSpan.seconds(10)

    /// The secret itself: a password, or a verifier if the source holds one. Reads files and runs programs, for up to
    /// ten seconds: not for an event loop.
    public func resolve(environment: SettingsEnvironment = .system) -> Result<[UInt8], SecretProblem> {
        switch self {
        case .plain(let text), .verifier(let text): return .success(text.bytes)
        case .file(let path, _): return checked(environment.read(path, Self.longest))
        case .environment(let name):
            guard let value = environment.variable(name) else {
                return .failure(SecretProblem(source: description, reason: "it is not set"))
            }
            return checked(.success(value))
        case .command(let arguments, _):
            return checked(environment.run(arguments, Self.commandTimeout, Self.longest))
        }
    }

    /// How long what `resolve` gave holds; zero is until the next reload.
    public var timeToLive: TimeSpan {
        switch self {
        case .command(_, let timeToLive), .file(_, let timeToLive): timeToLive
        case .plain, .environment, .verifier: .zero
        }
    }

    /// Whether asking again while the process runs may give something else.
    public var mayChange: Bool {
        switch self {
        case .command, .file: true
        case .plain, .environment, .verifier: false
        }
    }

    /// Without the line end that editors and `echo` leave, and neither empty nor with bytes no password can have.
    private func checked(_ result: Result<[UInt8], AccessFailure>) -> Result<[UInt8], SecretProblem> {
        switch result {
        case .failure(let failure): return .failure(SecretProblem(source: description, reason: failure.reason))
        case .success(var bytes):
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
            if bytes.isEmpty { return .failure(SecretProblem(source: description, reason: "it is empty")) }
            if bytes.contains(0) || bytes.contains(UInt8(ascii: "\n")) {
                return .failure(
                    SecretProblem(source: description, reason: "it has more than one line or a zero byte"))
            }
            return .success(bytes)
        }
    }
}

/// The secrets of a configuration, as they were when they were asked for.
public struct ResolvedSecrets: Sendable {
    /// Passwords and verifiers of users, by user.
    public var users: [String: SecretText] = [:]
    /// Passwords at the servers, by user; users without one use their own.
    public var servers: [String: SecretText] = [:]
    /// Passwords of monitors, by cluster.
    public var monitors: [String: SecretText] = [:]
    /// What could not be had, by the name of its setting (`user.NAME.password`).
    public var problems: [String: SecretProblem] = [:]
    /// After how long the first of them is to be asked for again; nil is never.
    public var timeToLive: TimeSpan?
}

extension Configuration {
    /// Asks for every secret. Reads files and runs programs: not for an event loop.
    public func resolveSecrets(environment: SettingsEnvironment = .system) -> ResolvedSecrets {
        var resolved = ResolvedSecrets()
        func get(_ source: SecretSource?, _ setting: String) -> SecretText? {
            guard let source else { return nil }
            if !source.timeToLive.isZero {
                resolved.timeToLive = min(resolved.timeToLive ?? source.timeToLive, source.timeToLive)
            }
            switch source.resolve(environment: environment) {
            case .success(let bytes): return SecretText(bytes)
            case .failure(let problem):
                resolved.problems[setting] = problem
                return nil
            }
        }
        for (name, user) in users {
            if let secret = get(user.password, "user.\(name).password") { resolved.users[name] = secret }
            if let secret = get(user.serverPassword, "user.\(name).server_password") { resolved.servers[name] = secret }
        }
        for (name, cluster) in clusters {
            if let secret = get(cluster.monitorPassword, "cluster.\(name).monitor_password") {
                resolved.monitors[name] = secret
            }
        }
        return resolved
    }
}
