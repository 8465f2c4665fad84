import ByteKit
import PostgresWire
import SQLText
import Sessions
import Settings

/// A client and a server that send what they like, cut anywhere: no step deals with more than there is or stops for no
/// reason, and what is passed on is no more than was received and made.
enum RelayFuzz {
    private static let texts = [
        "SELECT 1", "", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "SET work_mem = '1MB'",
        "SET LOCAL work_mem = '2MB'", "RESET ALL", "DISCARD ALL", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p",
        "DEALLOCATE ALL", "LISTEN a", "UNLISTEN *", "COPY t FROM STDIN", "CREATE TEMP TABLE t (a int)",
        "SELECT set_config('a.b', 'c', false)", "SELECT pg_advisory_lock(1)", "BEGIN; SET ROLE x; COMMIT",
        "DEALLOCATE p; PREPARE p AS SELECT 2; EXECUTE p", "RELEASE SAVEPOINT a", "SET datestyle = 'ISO'",
    ]
    private static let names = ["", "p", "q", "hg_1", "hg_zz"]
    private static let fromClient: [UInt8] = Array("QPBDECSHFdcfX".utf8)
    private static let fromServer: [UInt8] = Array("123CDEGHIKNRSTVWZAcdnst".utf8)

    static func run(_ input: [UInt8]) -> String? {
        var talk = Talk()
        var dice = Dice(input)
        talk.begin(&dice)
        var steps = 0
        while !dice.isEmpty && steps < 400 && !talk.isOver {
            steps += 1
            let wrong: String? =
                switch dice.below(8) {
                case 0: talk.client(dice.take(1 + dice.below(32)))
                case 1: talk.server(dice.take(1 + dice.below(32)))
                case 2, 3, 4: talk.client(clientMessage(&dice))
                case 5, 6: talk.server(serverMessage(&dice))
                default: talk.other(dice.below(8))
                }
            if let wrong { return wrong }
        }
        return nil
    }

    private static func framed(_ tag: UInt8, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var out = ByteWriter()
        let mark = out.begin(tag)
        body(&out)
        out.end(mark)
        return out.take()
    }

    private static func clientMessage(_ dice: inout Dice) -> [UInt8] {
        let tag = fromClient[dice.below(fromClient.count)]
        let what = dice.byte()
        let text = texts[Int(what) % texts.count]
        let name = names[Int(what >> 3) % names.count]
        return framed(tag) { out in
            switch tag {
            case FrontendTag.query: out.cString(text)
            case FrontendTag.parse:
                out.cString(name)
                out.cString(text)
                out.i16(0)
            case FrontendTag.bind:
                out.cString("")
                out.cString(name)
                for _ in 0..<6 { out.u8(0) }
            case FrontendTag.describe, FrontendTag.close:
                out.u8(what & 1 == 0 ? 0x53 : 0x50)
                out.cString(name)
            case FrontendTag.execute:
                out.cString("")
                out.u32(UInt32(what & 1))
            case FrontendTag.sync, FrontendTag.flush, FrontendTag.copyDone: break
            default: out.raw(dice.take(Int(what & 31)))
            }
        }
    }

    private static func serverMessage(_ dice: inout Dice) -> [UInt8] {
        let tag = fromServer[dice.below(fromServer.count)]
        let what = dice.byte()
        if tag == BackendTag.errorResponse {
            var out = ByteWriter()
            PostgresError(what & 15 == 0 ? .fatal : .error, "42601", "no").write(to: &out)
            return out.take()
        }
        return framed(tag) { out in
            switch tag {
            case BackendTag.readyForQuery: out.u8(Array("ITE".utf8)[Int(what) % 3])
            case BackendTag.commandComplete:
                out.cString(["SELECT 1", "BEGIN", "COMMIT", "ROLLBACK", "SET", "COPY 1"][Int(what) % 6])
            case BackendTag.parseComplete, BackendTag.bindComplete, BackendTag.closeComplete, BackendTag.noData,
                BackendTag.portalSuspended, BackendTag.emptyQueryResponse, BackendTag.copyDone:
                break
            case BackendTag.parameterStatus:
                out.cString("TimeZone")
                out.cString(what & 1 == 0 ? "UTC" : "CET")
            default: out.raw(dice.take(Int(what & 31)))
            }
        }
    }
}

/// One client and one server with the engine between them.
private struct Talk {
    private let environment = SessionEnvironment(worker: 0, statementCacheEntries: 32)
    private let clientSession: ClientSession
    private var serverSession: ServerSession
    private let trail = StatementTrail(dialect: .postgres, origin: 1)
    private var hasServer = true
    private var fromClient: [UInt8] = []
    private var fromServer: [UInt8] = []
    private(set) var isOver = false

    init() {
        clientSession = ClientSession(
            base: environment.profiles.empty, status: environment.statuses.empty, mode: .transaction, policy: .auto)
        serverSession = ServerSession(
            settings: environment.profiles.empty, status: environment.statuses.empty, statementLimit: 2)
    }

    mutating func begin(_ dice: inout Dice) {
        environment.maxInspectedStatement = dice.below(2) == 0 ? 64 : 1 << 20
        guard dice.below(2) == 0 else { return }
        trail.strict = dice.below(2) == 0 ? [] : StatementClasses(.read)
        trail.keepsParameters = dice.below(2) == 0
        clientSession.trail = TrailSession(slot: 1, trail: trail)
    }

    mutating func client(_ bytes: [UInt8]) -> String? {
        fromClient += bytes
        for _ in 0..<1000 {
            let input = fromClient
            let result = input.withSpan {
                environment.relay($0, from: clientSession, to: hasServer ? serverSession : nil)
            }
            if let wrong = plans(input.count) { return wrong }
            if result.consumed < 0 || result.consumed > input.count { return "\(result.consumed) of \(input.count)" }
            fromClient.removeFirst(result.consumed)
            switch result.stop {
            case .drained: return fromClient.isEmpty ? nil : "drained, with \(fromClient.count) bytes left"
            case .needBytes(let count):
                return count > fromClient.count ? nil : "needs \(count) bytes and has \(fromClient.count)"
            case .needServer:
                if hasServer { return "needs a server and has one" }
                hasServer = true
            case .needSettings:
                environment.adoptSettings(of: clientSession, serverSession)
            case .needTrail:
                guard let intended = trail.takeIntended() else { return "waits for no intent" }
                if input.count & 1 == 0 {
                    trail.grant(intended)
                } else {
                    trail.deny(intended, TrailRefusal(message: "no", hint: "no"))
                }
            case .needPermit: clientSession.mayStart = true
            case .needChannels(let channels): for channel in channels { clientSession.channelIsReady(channel) }
            case .tooManyInFlight:
                return serverSession.expected.isEmpty ? "waits for replies that are not owed" : nil
            case .terminated, .fatal:
                isOver = true
                return nil
            }
        }
        return "the client's side does not come to an end"
    }

    mutating func server(_ bytes: [UInt8]) -> String? {
        if !hasServer { return nil }
        fromServer += bytes
        let input = fromServer
        let result = input.withSpan { environment.relay($0, from: serverSession, to: clientSession) }
        if let wrong = plans(input.count) { return wrong }
        if result.consumed < 0 || result.consumed > input.count { return "\(result.consumed) of \(input.count)" }
        fromServer.removeFirst(result.consumed)
        if result.failure != nil {
            isOver = true
            return nil
        }
        if result.needed > 0 && result.needed <= fromServer.count {
            return "needs \(result.needed) bytes and has \(fromServer.count)"
        }
        if serverSession.expected.syncs > serverSession.expected.count { return "more syncs than replies" }
        if serverSession.isQuiet && !serverSession.hasNothingOnRecord { return "a statement without an end" }
        trail.taken()
        return serverSession.expected.isEmpty ? nil : client([])
    }

    /// What happens between messages: the server is given back, asked, refused.
    mutating func other(_ what: Int) -> String? {
        switch what {
        case 0 where serverSession.isClean && hasServer: hasServer = false
        case 1 where hasServer && serverSession.isQuiet: _ = environment.probe(clientSession, serverSession)
        case 2 where hasServer && serverSession.isQuiet: environment.takeProbe(clientSession, serverSession)
        case 3 where hasServer: _ = environment.endBatch(serverSession)
        case 4 where hasServer: _ = environment.statusChanges(for: clientSession, serverSession)
        case 5 where !hasServer && !clientSession.isSendingMessage:
            let input = fromClient
            let used = input.withSpan {
                environment.refuse($0, with: PostgresError(.error, "57014", "no"), clientSession)
            }
            if used < 0 || used > input.count { return "refused \(used) of \(input.count)" }
            if let wrong = plans(input.count) { return wrong }
            fromClient.removeFirst(used)
        case 6 where hasServer && serverSession.isReceivingCopy: _ = environment.refuseCopy(serverSession)
        default: _ = environment.profiles.replay(from: serverSession.settings, to: clientSession.settings)
        }
        return nil
    }

    private func plans(_ received: Int) -> String? {
        for plan in [environment.toServer, environment.toClient] {
            defer { plan.reset() }
            if plan.isEmpty { continue }
            var count = 0
            for piece in plan.earlier + [plan.last] {
                let size = piece.isMade ? plan.made.count : received
                if piece.start < 0 || piece.end < piece.start || piece.end > size {
                    return "a piece \(piece.start)..<\(piece.end) of \(size)"
                }
                count += piece.end - piece.start
            }
            if count != plan.byteCount { return "\(plan.byteCount) bytes planned, \(count) in pieces" }
        }
        return nil
    }
}
