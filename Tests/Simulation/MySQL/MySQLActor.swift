import ByteKit
import MySQLWire
import Sessions
import Settings

/// One simulated application that speaks MySQL: plays its script over its wires and knows what a private server answers.
final class MySQLActor {
    let number: Int
    private let script: MySQLScript
    private let expected: [[String]]
    /// How many replies a private server has sent when each step is answered.
    private var repliesAfter: [Int] = []
    private var replies: MySQLReplies
    private(set) var got: [UInt8] = []
    private var next = 0
    private var isDone = false
    private var hasVanished = false
    private let violations: [String]
    private let toProxy: Wire
    private let fromProxy: Wire
    private let connection: MySQLSimClient
    private let world: World

    init(_ number: Int, _ worker: MySQLSimWorker, mode: PoolMode, _ world: World) {
        self.number = number
        self.world = world
        var wanted = MySQLServerLogin.usual.subtracting([.mysql, .mariadbBulk])
        if world.random.chance(30) { wanted.remove(.deprecateEOF) }
        if world.random.chance(50) { wanted.remove(.sessionTrack) }
        if world.random.chance(30) { wanted.remove(.multiStatements) }
        let capabilities = MySQLModel.capabilities.agreed(with: wanted)
        let isLatin = world.random.chance(20)
        script = MySQLScript(
            client: number, length: 2 + world.random.below(7),
            severalAllowed: capabilities.contains(.multiStatements), &world.random)
        let model = MySQLModel(
            capabilities, schema: MySQLSimWorker.schema, charset: isLatin ? "latin1" : "utf8mb4", firstStatement: 0,
            isPrivate: true)
        var all = MySQLReplies(capabilities)
        for step in script.steps {
            all.expect(step.commands)
            all.receive(model.receive(step.bytes))
            repliesAfter.append(all.list.count)
        }
        expected = all.all
        violations = model.violations
        replies = MySQLReplies(capabilities)
        toProxy = Wire(world)
        fromProxy = Wire(world)
        let session = MySQLClientSession(
            capabilities: capabilities, base: worker.base(collation: isLatin ? 8 : 45),
            options: capabilities.contains(.multiStatements) ? .multiStatements : [], mode: mode, policy: .auto,
            server: MySQLSimWorker.version, connectionID: UInt32(number))
        let connection = MySQLSimClient(worker, app: worker.appOfNext(), session: session, toClient: fromProxy)
        self.connection = connection
        toProxy.deliver = { connection.received($0) }
        fromProxy.deliver = { [unowned self] in received($0) }
        world.after(world.random.below(2000)) { [self] in advance() }
        if world.random.chance(15) { world.after(world.random.below(8000)) { [self] in vanish() } }
    }

    private func advance() {
        while !hasVanished, next < script.steps.count {
            let step = script.steps[next]
            if step.waits && next > 0 && replies.list.count < repliesAfter[next - 1] { return }
            replies.expect(step.commands)
            toProxy.send(step.bytes)
            next += 1
        }
        guard next == script.steps.count, replies.list.count >= (repliesAfter.last ?? 0), !isDone, !hasVanished else {
            return
        }
        isDone = true
        var out = ByteWriter()
        out.command(.quit)
        toProxy.send(out.take())
    }

    private func received(_ bytes: [UInt8]) {
        got += bytes
        replies.receive(bytes)
        advance()
    }

    private func vanish() {
        if isDone { return }
        hasVanished = true
        toProxy.close()
        connection.close()
    }

    /// What is wrong with what it got; nil if nothing is. Where servers `ended`, what they knew may be lost.
    func verdict(ended: Bool) -> String? {
        if !violations.isEmpty { return "the model: \(violations)\n" + story }
        if let fatal = connection.fatal { return "client \(number) was thrown out: \(fatal)\n" + story }
        let have = replies.all
        for (index, reply) in have.enumerated() {
            if index >= expected.count { return "client \(number) got \(reply) behind the end\n" + story }
            if ended, reply.count == 1, reply[0].hasPrefix("error 1927") { return hasVanished || isDone ? nil : stuck }
            let wanted = expected[index]
            let isPart = hasVanished && index == have.count - 1 && wanted.starts(with: reply)
            if reply != wanted && !isPart {
                return "client \(number), reply \(index): got \(reply), a private server says \(wanted)\n" + story
            }
        }
        return hasVanished || isDone && have.count == expected.count ? nil : stuck
    }

    private var stuck: String {
        "client \(number) is stuck (\(connection.summary)) after \(replies.list.count) of \(expected.count) replies; sent "
            + "\(next) of \(script.steps.count) steps\n" + story
    }

    /// What it sent, what a private server says and what it got where that differs.
    var story: String {
        var lines = [
            " client \(number)\(hasVanished ? ", vanished" : "")\(connection.session.mode == .session ? ", session" : "")"
        ]
        let have = replies.all
        var index = 0
        for (number, step) in script.steps.enumerated() {
            for (command, word) in zip(step.commands, step.words) {
                let mark = number < next ? step.waits ? "" : "(ahead) " : "(unsent) "
                guard command.hasReply else {
                    lines.append("   \(mark)\(word)")
                    continue
                }
                let wanted = index < expected.count ? expected[index].joined(separator: " / ") : "?"
                let got = index < have.count ? have[index].joined(separator: " / ") : "nothing"
                lines.append("   \(mark)\(word) -> \(wanted)" + (got == wanted ? "" : "\n      GOT \(got)"))
                index += 1
            }
        }
        return lines.joined(separator: "\n")
    }
}
