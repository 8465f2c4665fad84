import ByteKit
import MySQLWire
import Testing

@testable import Credentials
@testable import Sessions

/// Our client's side of a login against our server's side.
@Suite struct MySQLLoginTests {
    private static let keys = RSAKeyPair()

    private enum End: Equatable {
        case accepted(String)
        case refused(UInt16)
        case failed(String)
        case stuck
    }

    /// Runs a whole login; `split` delivers every byte on its own.
    private func login(
        _ credential: MySQLServerCredential, _ secret: MySQLSecret?,
        preferring plugin: String = AuthPluginName.cachingSHA2,
        cached: SecretBytes? = nil, isMock: Bool = false, secure: Bool = false, mariadb: Bool = false,
        split: Bool = false,
        mayAskForKey: Bool = true
    ) -> End {
        var capabilities = MySQLServerLogin.usual.union(.connectWithDatabase)
        if mariadb { capabilities.remove(.mysql) }
        let handshake = MySQLHandshake(
            serverVersion: "8.0.0-headgate", connectionID: 7, nonce: MySQLClientLogin.freshNonce(),
            capabilities: capabilities, authPlugin: plugin)
        let server = MySQLClientLogin(
            handshake: handshake, host: "10.0.0.1", publicKey: Self.keys?.publicPEM, isSecure: secure)
        let client = MySQLServerLogin(
            user: "bob", database: "db", credential: credential, security: secure ? .secure : .clear,
            mayAskForKey: mayAskForKey)
        var toClient = server.greeting()
        var toServer: [UInt8] = []
        for _ in 0..<20 {
            switch feed(client.received, &toClient, split) {
            case .needBytes: break
            case .send(let bytes): toServer += bytes
            case .startTLS: return .stuck
            case .ready: return .accepted("")
            case .failed(.refused(let error)): return .refused(error.code)
            case .failed(.unsupported): return .failed("unsupported")
            case .failed(.violation(let what)): return .failed(what)
            }
            var step = feed(server.received, &toServer, split)
            while true {
                switch step {
                case .startup(let response):
                    #expect(response.user == "bob" && response.database == "db")
                    let how =
                        secret.map { MySQLClientAuthentication.secret($0, cached: cached, isMock: isMock) } ?? .none
                    step = server.begin(how)
                    continue
                case .check(let password, let secret):
                    step = server.checked(secret.matches(password: password))
                    continue
                case .decrypt(let message, let nonce):
                    step = server.decrypted(Self.keys?.decrypt(message, nonce: nonce))
                    continue
                case .needBytes: break
                case .reply(let bytes), .refused(let bytes): toClient += bytes
                case .accepted(let proof):
                    var out = ByteWriter()
                    out.raw(server.pending)
                    let mark = out.beginPacket(server.sequence)
                    OKPacket(status: .autocommit).write(to: &out, server.capabilities, source: RawSpan())
                    out.endPacket(mark)
                    var last = out.take()
                    guard case .ready = feed(client.received, &last, split) else { return .stuck }
                    switch proof {
                    case .none: return .accepted("none")
                    case .password: return .accepted("password")
                    case .nativeHash: return .accepted("native")
                    case .sha256Hash: return .accepted("sha256")
                    }
                case .startTLS, .changeUser, .publicKeyWanted, .closeSilently: return .stuck
                }
                break
            }
        }
        return .stuck
    }

    /// Hands bytes to a machine, all or one after the other, until it wants something done.
    private func feed<Step>(
        _ received: (RawSpan) -> (consumed: Int, step: Step), _ bytes: inout [UInt8], _ split: Bool
    ) -> Step {
        var there = split ? 0 : bytes.count
        while true {
            let (consumed, step) = Array(bytes[..<there]).withSpan { received($0) }
            bytes.removeFirst(consumed)
            there -= consumed
            if there == bytes.count || "\(step)" != "needBytes" { return step }
            there += 1
        }
    }

    private let password = SecretBytes("secret")
    private var verifier: MySQLSecret {
        .cachingSHA2(
            CachingSHA2Verifier.derive(password: password) ?? { fatalError("no verifier") }())
    }
    private var native: MySQLSecret { .native(MySQLNative.storedHash(password: password) ?? password) }

    @Test(arguments: [false, true])
    func rightPasswords(_ split: Bool) {
        let right = MySQLServerCredential.password(password)
        let quick = CachingSHA2.cachedHash(password: password)
        for plugin in [AuthPluginName.native, AuthPluginName.cachingSHA2] {
            #expect(login(right, native, preferring: plugin, split: split) == .accepted("native"))
            #expect(login(right, verifier, preferring: plugin, split: split) == .accepted("password"))
            #expect(login(right, verifier, preferring: plugin, secure: true, split: split) == .accepted("password"))
            #expect(login(right, verifier, preferring: plugin, cached: quick, split: split) == .accepted("sha256"))
            let key = MySQLSecret.ed25519(publicKey: MariaDBEd25519.publicKey(password: password))
            #expect(login(right, key, preferring: plugin, mariadb: true, split: split) == .accepted("none"))
            let plain = login(right, .plain(password), preferring: plugin, split: split)
            #expect(plain == .accepted(plugin == AuthPluginName.native ? "native" : "sha256"))
            #expect(login(right, nil, preferring: plugin, split: split) == .accepted("none"))
        }
    }

    @Test func whatALoginProvedIsEnoughForTheNext() throws {
        let sha1 = try #require(Digest.sha1(password))
        #expect(login(.nativeHash(sha1), native) == .accepted("native"))
        #expect(login(.nativeHash(sha1), verifier) == .failed("unsupported"))
        let sha256 = Digest.sha256(password)
        let quick = CachingSHA2.cachedHash(password: password)
        #expect(login(.sha256Hash(sha256), verifier, cached: quick) == .accepted("sha256"))
        #expect(login(.sha256Hash(sha256), verifier) == .failed("unsupported"))
        #expect(login(.sha256Hash(sha256), native) == .failed("unsupported"))
    }

    @Test func wrongPasswords() {
        let wrong = MySQLServerCredential.password(SecretBytes("wrong"))
        let quick = CachingSHA2.cachedHash(password: password)
        let key = MySQLSecret.ed25519(publicKey: MariaDBEd25519.publicKey(password: password))
        for secret in [native, verifier, .plain(password), key] {
            for credential in [wrong, .none] {
                let end = login(credential, secret)
                let isUnsupported = end == .failed("unsupported")
                #expect(end == .refused(1045) || isUnsupported, "\(end)")
            }
            #expect(login(wrong, secret, secure: true) == .refused(1045))
        }
        #expect(login(wrong, verifier, cached: quick) == .refused(1045))
        #expect(login(.password(password), verifier, mayAskForKey: false) == .failed("unsupported"))
    }

    /// A user who does not exist goes through the same exchange, and is refused even with what would be right.
    @Test func unknownUsers() {
        for secret in [native, verifier, .plain(password)] {
            #expect(login(.password(password), secret, isMock: true) == .refused(1045))
            #expect(login(.password(password), .mock(like: secret), isMock: true) == .refused(1045))
        }
    }

    @Test func whoeverSpeaksSomethingElse() {
        func answer(_ bytes: [UInt8]) -> MySQLClientLoginStep {
            let handshake = MySQLHandshake(
                serverVersion: "8", connectionID: 1, nonce: MySQLClientLogin.freshNonce(),
                capabilities: MySQLServerLogin.usual, authPlugin: AuthPluginName.native)
            let machine = MySQLClientLogin(handshake: handshake, host: "h", publicKey: nil)
            _ = machine.greeting()
            return bytes.withSpan { machine.received($0).step }
        }
        for text in ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}"] {
            guard case .closeSilently = answer(Array(text.utf8)) else {
                Issue.record("\(text) got an answer")
                continue
            }
        }
        // A 3.20 client, and one whose packet is broken.
        var old = ByteWriter()
        let mark = old.beginPacket(1)
        old.raw([5, 0, 0xFF, 0xFF, 0xFF, 0x61, 0, 0])
        old.endPacket(mark)
        guard case .refused = answer(old.take()) else { return #expect(Bool(false)) }
        // An SSLRequest where TLS is not offered is a broken response.
        var request = ByteWriter()
        let start = request.beginPacket(1)
        HandshakeResponse(capabilities: [.mysql, .protocol41, .tls], user: "", authResponse: []).writeHead(to: &request)
        request.endPacket(start)
        guard case .refused = answer(request.take()) else { return #expect(Bool(false)) }
    }

    /// Nothing sent in the clear behind a request for TLS is taken for part of what comes after: it is left to TLS, which
    /// clients begin without waiting; from a server, which must wait, it is refused.
    @Test func bytesBehindARequestForTLS() {
        var handshake = MySQLHandshake(
            serverVersion: "8", connectionID: 1, nonce: MySQLClientLogin.freshNonce(),
            capabilities: MySQLServerLogin.usual.union(.tls), authPlugin: AuthPluginName.native)
        for extra in [[], [1]] as [[UInt8]] {
            let machine = MySQLClientLogin(handshake: handshake, host: "h", publicKey: nil)
            _ = machine.greeting()
            var request = ByteWriter()
            let mark = request.beginPacket(1)
            HandshakeResponse(capabilities: [.mysql, .protocol41, .tls], user: "", authResponse: []).writeHead(
                to: &request)
            request.endPacket(mark)
            let sent = request.take()
            let (consumed, step) = (sent + extra).withSpan { machine.received($0) }
            guard case .startTLS = step else {
                Issue.record("\(step)")
                return
            }
            #expect(consumed == sent.count)
        }
        handshake.capabilities.insert(.tls)
        let client = MySQLServerLogin(user: "u", database: "", credential: .none, security: .preferTLS)
        var greeting = ByteWriter()
        let mark = greeting.beginPacket(0)
        handshake.write(to: &greeting)
        greeting.endPacket(mark)
        let bytes = greeting.take()
        guard case .startTLS(let request) = bytes.withSpan({ client.received($0).step }) else {
            return #expect(Bool(false))
        }
        #expect(request.count == 36)
        guard case .send = client.secured() else { return #expect(Bool(false)) }
        let other = MySQLServerLogin(user: "u", database: "", credential: .none, security: .preferTLS)
        guard case .failed(.violation) = (bytes + [0]).withSpan({ other.received($0).step }) else {
            return #expect(Bool(false))
        }
        let strict = MySQLServerLogin(user: "u", database: "", credential: .none, security: .requireTLS)
        handshake.capabilities.remove(.tls)
        var plain = ByteWriter()
        let start = plain.beginPacket(0)
        handshake.write(to: &plain)
        plain.endPacket(start)
        guard case .failed(.unsupported) = plain.take().withSpan({ strict.received($0).step }) else {
            return #expect(Bool(false))
        }
    }

    @Test func noncesHaveNoBytesThatEndThem() {
        for _ in 0..<200 {
            let nonce = MySQLClientLogin.freshNonce()
            #expect(nonce.count == 20 && nonce.allSatisfy { $0 != 0 && $0 != 0x24 && $0 < 0x80 })
        }
    }
}
