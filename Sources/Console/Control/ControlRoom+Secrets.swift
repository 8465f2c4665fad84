import EventLoop
import Proxy
import Settings
import Telemetry

/// When secrets that may change are asked for again.
struct SecretSchedule {
    /// Secrets with a time to live.
    var due: [SecretName: Int64] = [:]
    /// Those that are being asked for.
    var underWay: Set<SecretName> = []
    /// Those that servers refused.
    var refused: Set<SecretName> = []
}

extension ControlRoom {
    /// How often it is looked which secrets are due.
    private static let secretTick: Int64 = 100_000
    /// A source that gives nothing is asked again after this, if its time to live is not shorter.
    private static let secretRetry: Int64 = 10_000_000

    /// A configuration has come into force, its secrets with it.
    func scheduleSecrets() {
        let now = loop.nowMicros
        secrets.due = [:]
        for (name, source) in snapshot.changingSecrets where !source.timeToLive.isZero {
            secrets.due[name] = now + source.timeToLive.microseconds
        }
        if secrets.due.isEmpty {
            secretTicker?.stop()
        } else if secretTicker?.isActive != true {
            secretTicker?.start(every: Self.secretTick)
        }
    }

    func askForDueSecrets() {
        let now = loop.nowMicros
        ask(for: Set(secrets.due.filter { now >= $0.value }.keys))
    }

    /// A server does not take this secret.
    func refused(_ name: SecretName) {
        secrets.refused.insert(name)
        ask(for: [name])
    }

    /// Asks on a thread of its own: a program may take seconds, in which the console is to answer.
    private func ask(for names: Set<SecretName>) {
        let sources = snapshot.changingSecrets.filter { names.contains($0.key) && !secrets.underWay.contains($0.key) }
        if sources.isEmpty { return }
        secrets.underWay.formUnion(sources.keys)
        let resolve = reload.resolve
        let post = self.post
        let spawned = LoopThread.spawn(name: "secrets") {
            var fresh: [SecretName: SecretText] = [:]
            var problems: [SecretName: SecretProblem] = [:]
            for (name, source) in sources {
                switch resolve(source) {
                case .success(let bytes): fresh[name] = SecretText(bytes)
                case .failure(let problem): problems[name] = problem
                }
            }
            let (answers, failures) = (fresh, problems)
            post { $0.learned(answers, failures, of: sources) }
        }
        if case .failure(let errno) = spawned {
            Log.error("secret", "secrets cannot be asked for again: no thread", ["error": "\(errno)"])
            learned([:], [:], of: sources)
        }
    }

    private func learned(
        _ fresh: [SecretName: SecretText], _ problems: [SecretName: SecretProblem],
        of sources: [SecretName: SecretSource]
    ) {
        loop.updateNow()
        secrets.underWay.subtract(sources.keys)
        let current = snapshot.changingSecrets
        // A reload may have named other sources meanwhile.
        let names = sources.keys.filter { current[$0] == sources[$0] }
        for name in names {
            if let problem = problems[name] {
                Log.warn(
                    "secret", "a secret cannot be had again; the one known is used on",
                    ["setting": name.description, "problem": "\(problem)"])
            }
            guard let limit = current[name]?.timeToLive, !limit.isZero else { continue }
            let pause = fresh[name] == nil ? min(limit.microseconds, Self.secretRetry) : limit.microseconds
            secrets.due[name] = loop.nowMicros + pause
        }
        let wanted = fresh.filter { names.contains($0.key) }
        let refused = secrets.refused.intersection(sources.keys)
        secrets.refused.subtract(refused)
        guard let new = snapshot.renewing(wanted) else { return refused.forEach(proxy.secretIsTheSame) }
        snapshot = new
        Log.info(
            "secret", "secrets have changed", ["settings": names.map(\.description).sorted().joined(separator: ", ")])
        let proxy = self.proxy
        proxy.apply(new) { refused.forEach(proxy.secretIsTheSame) }
    }
}
