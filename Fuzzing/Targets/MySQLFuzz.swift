import ByteKit
import Credentials
import MySQLWire
import Sessions

/// Packets, replies and logins of MySQL: no parser traps, a reply once not understood stays so, what is translated can be
/// read, nobody is let in without a proof.
enum MySQLFuzz {
    static func run(_ input: [UInt8]) -> String? {
        var dice = Dice(input)
        switch dice.below(4) {
        case 0: return parsers(&dice)
        case 1: return replies(&dice)
        case 2: return client(&dice)
        default: return server(&dice)
        }
    }

    private static func capabilities(_ dice: inout Dice) -> MySQLCapabilities {
        let base =
            UInt32(dice.byte()) | UInt32(dice.byte()) << 8 | UInt32(dice.byte()) << 16 | UInt32(dice.byte()) << 24
        return MySQLCapabilities(base: base, extended: UInt32(dice.byte())).union(.protocol41)
    }

    // MARK: Parsers

    private static func parsers(_ dice: inout Dice) -> String? {
        let agreed = capabilities(&dice)
        let count = dice.below(20)
        return dice.rest().withSpan { bytes in
            handshakes(bytes)
            commands(bytes, agreed, count)
            let wrong = packets(bytes, agreed)
            return wrong
        }
    }

    private static func handshakes(_ bytes: RawSpan) {
        var out = ByteWriter()
        if let found = try? MySQLHandshake(parsing: bytes) { found.write(to: &out) }
        if let found = try? HandshakeResponse(parsing: bytes) { found.write(to: &out) }
        if let found = try? AuthSwitchRequest(parsing: bytes) { found.write(to: &out) }
        _ = HandshakeResponse.sslRequest(bytes)
        _ = AuthReply(bytes)
    }

    private static func commands(_ bytes: RawSpan, _ agreed: MySQLCapabilities, _ count: Int) {
        _ = try? QueryCommand(parsing: bytes, agreed)
        if let found = try? ExecuteCommand(parsing: bytes, parameters: count, agreed) {
            found.parameters?.forEachType(in: bytes) { _, _, _ in }
        }
        _ = try? BulkExecuteCommand(parsing: bytes, parameters: count)
        var out = ByteWriter()
        if let found = try? ChangeUserCommand(parsing: bytes, agreed) { found.write(to: &out, agreed) }
        _ = try? SmallCommand.Fetch(parsing: bytes)
        _ = try? SmallCommand.LongData(parsing: bytes)
        _ = try? SmallCommand.Option(parsing: bytes)
        _ = try? SmallCommand.FieldList(parsing: bytes)
        _ = try? SmallCommand.processKill(bytes)
        _ = try? SmallCommand.initDatabase(bytes)
        _ = try? BinlogDumpCommand(parsing: bytes)
        _ = try? RegisterReplicaCommand(parsing: bytes)
    }

    private static func packets(_ bytes: RawSpan, _ agreed: MySQLCapabilities) -> String? {
        _ = try? ErrorPacket(parsing: bytes)
        _ = try? ProgressReport(parsing: bytes)
        _ = try? PrepareReply(parsing: bytes, agreed)
        if let column = try? ColumnDefinition(parsing: bytes, agreed) {
            try? column.forEachExtension(in: bytes) { _, _ in }
        }
        try? MySQLRow.text(bytes, columns: 5) { _, _ in }
        try? MySQLRow.binary(bytes, types: [1, 3, 12, 253, 6]) { _, _ in }
        guard let packet = try? OKPacket(parsing: bytes, agreed) else { return nil }
        var changes = SessionChanges()
        let state = bytes.extracting(packet.sessionState)
        while let change = try? changes.next(in: state) { _ = change }
        if let wrong = filtered(state, packet, bytes) { return wrong }
        var out = ByteWriter()
        packet.write(to: &out, agreed, source: bytes)
        return out.withBytes { written in
            (try? OKPacket(parsing: written, agreed)) == nil ? "an OK packet we wrote cannot be read" : nil
        }
    }

    /// What the client is told can be read, is as long as was said, and says nothing of what was not asked for.
    private static func filtered(_ state: RawSpan, _ packet: OKPacket, _ bytes: RawSpan) -> String? {
        let tracking = SessionTracking()
        var out = ByteWriter()
        tracking.write(state, to: &out)
        if out.count != tracking.length(of: state) { return "changes of another length" }
        var wrong = out.withBytes { written -> String? in
            var changes = SessionChanges()
            do {
                while let change = try changes.next(in: written) {
                    if !tracking.tells(of: change, in: written) { return "a change nobody asked for" }
                }
            } catch { return "changes we wrote cannot be read" }
            return nil
        }
        out.reset()
        let capabilities: MySQLCapabilities = [.protocol41, .sessionTrack]
        packet.write(to: &out, capabilities, source: bytes, telling: tracking)
        if out.withBytes({ (try? OKPacket(parsing: $0, capabilities)) == nil }) { wrong = "a filtered OK packet" }
        return wrong
    }

    // MARK: Replies

    private static func replies(_ dice: inout Dice) -> String? {
        let server = capabilities(&dice)
        let client = capabilities(&dice)
        var tracker = ReplyTracker(server)
        var translator = ReplyTranslator(server: server, client: client)
        let commands = MySQLCommand.allCases
        tracker.begin(commands[dice.below(commands.count)])
        var sequence: UInt8 = 1
        while !dice.isEmpty {
            let payload = dice.take(dice.below(40))
            let length = dice.below(8) == 0 ? MySQLPacket.longestBody : payload.count
            let wasComplete = tracker.isComplete
            let event = payload.withSpan { tracker.received($0, length: length) }
            if wasComplete, event != .violation { return "\(event) behind the end of a reply" }
            if event == .violation, tracker.isComplete { return "a violation that ends a reply" }
            let translation = payload.withSpan { translator.translate(event, $0, tracker) }
            var out = ByteWriter()
            payload.withSpan { out.write(translation, source: $0, for: client, &sequence) }
            out.writeBehind(translation, &sequence)
            if let wrong = out.withBytes({ readable($0) }) { return wrong }
            if event == .violation { return nil }
            if tracker.wantsClientFile { tracker.clientSent(isEmpty: dice.below(2) == 0) }
        }
        return nil
    }

    /// Whole packets, and nothing behind them.
    private static func readable(_ bytes: RawSpan) -> String? {
        var stream = PacketStream()
        var position = 0
        while position < bytes.byteCount {
            guard case .head(let piece) = stream.next(in: bytes, at: position, head: .max), piece.endsPayload else {
                return "packets that do not end"
            }
            position = piece.end
        }
        return nil
    }

    // MARK: Logins

    private static let password = SecretBytes("a password that no fuzzer guesses")

    private static func secret(_ number: Int) -> MySQLSecret {
        switch number {
        case 0: return .plain(password)
        case 1: return .native(SecretBytes([UInt8](repeating: 7, count: 20)))
        case 2: return .ed25519(publicKey: [UInt8](repeating: 7, count: 32))
        default:
            let stored = "$A$001$abcdefghij0123456789" + String(repeating: "x", count: 43)
            return MySQLSecret(parsing: stored) ?? .plain(password)
        }
    }

    private static func client(_ dice: inout Dice) -> String? {
        let handshake = MySQLHandshake(
            serverVersion: "8", connectionID: 1, nonce: [UInt8](repeating: 0x41, count: 20),
            capabilities: capabilities(&dice), authPlugin: AuthPluginName.cachingSHA2)
        let login = MySQLClientLogin(
            handshake: handshake, host: "h", publicKey: dice.below(2) == 0 ? nil : [1], isSecure: dice.below(2) == 0)
        _ = login.greeting()
        let way = MySQLClientAuthentication.secret(secret(dice.below(4)), cached: nil, isMock: dice.below(2) == 0)
        var carried: [UInt8] = []
        while !dice.isEmpty {
            carried += dice.take(1 + dice.below(128))
            for _ in 0..<16 {
                let (consumed, step) = carried.withSpan { login.received($0) }
                if consumed < 0 || consumed > carried.count {
                    return "\(consumed) of \(carried.count) bytes dealt with"
                }
                carried.removeFirst(consumed)
                var next = step
                if case .startup = next { next = login.begin(way) }
                if case .startTLS = next { login.secured() }
                if case .decrypt = next { next = login.decrypted(dice.below(2) == 0 ? nil : SecretBytes("x")) }
                if case .check = next { next = login.checked(false) }
                switch next {
                case .accepted: return "let in without a proof"
                case .refused, .closeSilently: return nil
                case .needBytes, .reply, .startup, .changeUser, .startTLS, .publicKeyWanted, .decrypt, .check: break
                }
                if case .needBytes = next { break }
                if carried.isEmpty { break }
            }
        }
        return nil
    }

    private static func server(_ dice: inout Dice) -> String? {
        let credentials: [MySQLServerCredential] = [
            .none, .password(password), .nativeHash(password), .sha256Hash(password),
        ]
        let securities: [MySQLServerLogin.Security] = [.clear, .preferTLS, .requireTLS, .secure]
        let login = MySQLServerLogin(
            user: "u", database: "d", credential: credentials[dice.below(4)], security: securities[dice.below(4)])
        var carried: [UInt8] = []
        while !dice.isEmpty {
            carried += dice.take(1 + dice.below(128))
            for _ in 0..<16 {
                let (consumed, step) = carried.withSpan { login.received($0) }
                if consumed < 0 || consumed > carried.count {
                    return "\(consumed) of \(carried.count) bytes dealt with"
                }
                switch step {
                case .ready(let payload):
                    return payload.upperBound <= consumed ? nil : "an OK packet outside of what was dealt with"
                case .failed: return nil
                case .startTLS: _ = login.secured()
                case .needBytes, .send: break
                }
                carried.removeFirst(consumed)
                if case .needBytes = step { break }
                if carried.isEmpty { break }
            }
        }
        return nil
    }
}
