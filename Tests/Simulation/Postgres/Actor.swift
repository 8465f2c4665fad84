import ByteKit
import PostgresWire
import Sessions
import Settings

/// One simulated application: plays its script over its wires and knows what a private server answers to it.
final class Actor {
    let number: Int
    let script: Script
    /// What a private server answers to all of it.
    let expected: [UInt8]
    /// How many ReadyForQuery a private server has sent when each step is answered.
    private var readyAfter: [Int] = []
    private(set) var got: [UInt8] = []
    private var scanned = 0
    private var readies = 0
    private var next = 0
    private(set) var isDone = false
    private(set) var hasVanished = false
    private(set) var hasCancelled = false
    let violations: [String]
    private let toProxy: Wire
    private let fromProxy: Wire
    private(set) var connection: SimClient?
    private let world: World

    init(_ number: Int, _ worker: SimWorker, mode: PoolMode, _ world: World) {
        self.number = number
        self.world = world
        hasCancelled = world.random.chance(15)
        let startup = world.random.chance(30) ? ["work_mem": "start\(number)"] : [:]
        script = Script(
            client: number, length: 2 + world.random.below(7), mayMix: !hasCancelled, hasStartup: !startup.isEmpty,
            &world.random)
        let model = ModelServer(startup: startup, isPrivate: true)
        var all: [UInt8] = []
        for step in script.steps {
            all += model.receive(step.bytes)
            readyAfter.append(Actor.readies(all).count)
        }
        expected = all
        violations = model.violations
        toProxy = Wire(world)
        fromProxy = Wire(world)
        let environment = worker.environment
        let base = environment.profiles.intern(
            startup.map { SettingEntry(name: $0.key, replay: SettingText.assignment($0.key, $0.value)) })
        let session = ClientSession(
            base: base, status: SimServer.welcome(environment), mode: mode, policy: .auto)
        let connection = SimClient(worker, app: worker.appOfNext(), session: session, toClient: fromProxy)
        self.connection = connection
        toProxy.deliver = { connection.received($0) }
        fromProxy.deliver = { [unowned self] in received($0) }
        world.after(world.random.below(2000)) { [self] in advance() }
        if world.random.chance(15) {
            world.after(world.random.below(8000)) { [self] in vanish() }
        }
        if hasCancelled {
            for _ in 0..<3 {
                world.after(world.random.below(8000)) { connection.cancelRequested() }
            }
        }
    }

    private static func readies(_ bytes: [UInt8]) -> [Int] {
        Transcript(bytes).messages.enumerated().filter { $0.element.hasPrefix("Z") }.map(\.offset)
    }

    private func advance() {
        while !hasVanished, next < script.steps.count {
            let step = script.steps[next]
            if step.waits && next > 0 && readies < readyAfter[next - 1] { return }
            toProxy.send(step.bytes)
            next += 1
        }
        if next == script.steps.count && readies >= (readyAfter.last ?? 0) && !isDone && !hasVanished {
            isDone = true
            var out = ByteWriter()
            out.bare(FrontendTag.terminate)
            toProxy.send(out.take())
        }
    }

    private func received(_ bytes: [UInt8]) {
        got += bytes
        while got.count - scanned >= 5 {
            let length = got[(scanned + 1)..<(scanned + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard got.count - scanned > length else { break }
            if got[scanned] == BackendTag.readyForQuery { readies += 1 }
            scanned += 1 + length
        }
        advance()
    }

    private func vanish() {
        if isDone { return }
        hasVanished = true
        toProxy.close()
        connection?.close()
    }

    /// What is wrong with what it got; nil if nothing is.
    func verdict() -> String? {
        if !violations.isEmpty { return "the model: \(violations)" }
        if let fatal = connection?.fatal { return "client \(number) was thrown out: \(fatal)" }
        let wanted = Transcript(expected).messages
        let have = Transcript(got, mayEndEarly: hasVanished).messages
        let isWhole = !hasVanished && !hasCancelled
        if isWhole && !isDone { return stuck(wanted, have) }
        var index = 0
        for message in have {
            if hasCancelled && message.contains("57014") { return astray(have) }
            if index < wanted.count, isPreparedTooLate(message, wanted[index]) {
                // The rest of the batch is skipped.
                while index + 1 < wanted.count, !wanted[index + 1].hasPrefix("Z") { index += 1 }
            } else if index >= wanted.count {
                return "client \(number) got \(message) behind the end\n\(story(have))"
            } else if message != wanted[index], !isAnotherReason(message, wanted[index]) {
                return "client \(number), message \(index): got \(message), a private server says \(wanted[index])\n"
                    + story(have)
            }
            index += 1
        }
        if isWhole && index != wanted.count { return stuck(wanted, have) }
        return hasVanished || isDone ? nil : stuck(wanted, have)
    }

    /// In an aborted transaction a statement cannot be prepared that is not on this server yet: the client reads so
    /// instead of what Describe or Close would answer (`described-when-aborted` in docs/compatibility.md).
    private func isPreparedTooLate(_ got: String, _ wanted: String) -> Bool {
        got.contains("C25P02") && (wanted.hasPrefix("t ") || wanted.hasPrefix("n") || wanted.hasPrefix("E 08P01"))
    }

    /// A Parse under a name that exists is refused by the proxy before the server reads its text, which may be refused
    /// too.
    private func isAnotherReason(_ got: String, _ wanted: String) -> Bool {
        got.hasPrefix("E ") && wanted.hasPrefix("E ") && (got.contains("C42P05") || wanted.contains("C42P05"))
    }

    /// After a cancel only that every token is its own can be told.
    private func astray(_ have: [String]) -> String? {
        if !hasVanished && !isDone { return stuck([], have) }
        for message in have where message.hasPrefix("D ") && message.contains(".") {
            let token = message.dropFirst(2)
            if !token.hasPrefix("\(number).") { return "client \(number) got \(message)" }
        }
        return nil
    }

    private func stuck(_ wanted: [String], _ have: [String]) -> String {
        let phase = connection.map { "\($0.phase), server \(String(describing: $0.server?.phase))" } ?? ""
        return "client \(number) is stuck (\(phase)) after \(have.count) of \(wanted.count) messages; sent \(next) of "
            + "\(script.steps.count) steps\n" + story(have) + "\n wanted: " + wanted.joined(separator: " | ")
    }

    func story(_ have: [String]) -> String {
        let sent = script.steps.map { ($0.waits ? "wait, " : "") + $0.words.joined(separator: " / ") }
        return
            " client \(number)\(hasVanished ? ", vanished" : "")\(hasCancelled ? ", cancels" : ""), sent: \(sent.joined(separator: "\n       "))\n got: "
            + have.joined(separator: " | ")
    }
}

/// Server messages in words, for comparing and reading.
struct Transcript {
    let messages: [String]

    init(_ bytes: [UInt8], mayEndEarly: Bool = false) {
        var found: [String] = []
        var position = 0
        while bytes.count - position >= 5 {
            let length = bytes[(position + 1)..<(position + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard bytes.count - position > length else { break }
            let body = bytes[(position + 5)..<(position + 1 + length)]
            // Lengths and other unprintable bytes would only hide the words.
            // PostgreSQL names the statement here; where two names stand for one text either may be meant.
            if body.starts(with: Array("SERROR\0VERROR\0C08P01\0Mbind message".utf8)) {
                found.append("E 08P01 bind")
                position += 1 + length
                continue
            }
            let words = body.split { $0 < 0x20 || $0 > 0x7E }.map { String(decoding: $0, as: UTF8.self) }
            found.append(String(UnicodeScalar(bytes[position])) + " " + words.joined(separator: ","))
            position += 1 + length
        }
        if position < bytes.count && !mayEndEarly { found.append("part of a message: \(bytes.count - position) bytes") }
        messages = found
    }
}
