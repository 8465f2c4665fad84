import Testing

@testable import Credentials

/// What a peer may send instead of what it should, and what it is told.
@Suite struct ScramMalformedTests {
    static let binding = ChannelBinding.tlsServerEndPoint([1, 2, 3])
    static let long = String(repeating: "x", count: 3000)

    @Test(
        arguments: [
            ("", .malformed), ("n", .malformed), ("n,", .malformed), ("n,,", .malformed), ("x,,n=,r=a", .malformed),
            ("N,,n=,r=a", .malformed), ("n;,n=,r=a", .malformed), ("n,,n=", .malformed), ("n,,n=,", .malformed),
            ("n,,n=,r=", .malformed), ("n,,n=,r", .malformed), ("n,,r=a,n=", .malformed), ("n,,n=,r=a,", .malformed),
            ("n,,n=,r=a,,", .malformed), ("n,,n=,r=a,x", .malformed), ("n,,n=,r=a,x=", .malformed),
            ("n,,n=,r=a,1=x", .malformed), ("n,,n=,r=a b", .malformed), ("n,,n=,r=\u{e9}", .malformed),
            ("n,,n=,r=a\u{0}", .malformed), ("n,,n=\u{0},r=a", .malformed), ("n,,n==,r=a", .malformed),
            ("n,,n=a=2,r=a", .malformed), ("n,,n=a=2c,r=a", .malformed), ("n,,n=a=3E,r=a", .malformed),
            ("n,x,n=,r=a", .malformed), ("nn,,n=,r=a", .malformed), ("n,,p=,r=a", .malformed),
            ("n,a=bob,n=,r=a", .authorizationIdentityUnsupported), ("n,a=,n=,r=a", .authorizationIdentityUnsupported),
            ("n,,m=x,n=,r=a", .unsupportedExtension), ("n,,n=,r=a,m=x", .unsupportedExtension),
            ("p=tls-server-end-point,,n=,r=a", .channelBindingUnsupported),
            ("p=tls-unique,,n=,r=a", .channelBindingUnsupported), ("p,,n=,r=a", .malformed),
            ("n,,n=,r=" + long, .tooLong), ("n,,n=,r=" + String(repeating: "x", count: 1025), .tooLong),
        ] as [(String, ScramError)])
    func clientFirst(_ message: String, _ error: ScramError) {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false)
        #expect(lend(message) { server.clientFirst($0) } == .fail(error))
        // Nothing brings a failed exchange back.
        #expect(lend("n,,n=,r=a") { server.clientFirst($0) } == .fail(.outOfOrder))
    }

    @Test(arguments: [
        "n,,n=,r=a", "y,,n=,r=a", "n,,n=user,r=a", "n,,n=a=2Cb=3D,r=a", "n,,n=*,r=!~", "n,,n=,r=a,x=y",
        "n,,n=,r=a,x=y,Z=1",
    ])
    func clientFirstAccepted(_ message: String) {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false, nonce: [UInt8]("N".utf8))
        guard case .reply(let reply) = lend(message, { server.clientFirst($0) }) else {
            Issue.record("refused")
            return
        }
        #expect(text(reply).hasSuffix("N,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"))
    }

    @Test(
        arguments: [
            ("n,,n=,r=a", .sha256Plus, binding, .channelBindingMissing),
            ("y,,n=,r=a", .sha256Plus, binding, .channelBindingMissing),
            ("y,,n=,r=a", .sha256, binding, .channelBindingDowngrade),
            ("p=tls-server-end-point,,n=,r=a", .sha256, binding, .channelBindingUnsupported),
            ("p=tls-server-end-point,,n=,r=a", .sha256Plus, .none, .channelBindingUnsupported),
            ("p=tls-exporter,,n=,r=a", .sha256Plus, binding, .channelBindingUnsupported),
            ("p=,,n=,r=a", .sha256Plus, binding, .channelBindingUnsupported),
        ] as [(String, ScramMechanism, ChannelBinding, ScramError)])
    func bindingFlags(_ message: String, _ mechanism: ScramMechanism, _ binding: ChannelBinding, _ error: ScramError) {
        var server = ScramServer(
            verifier: RFC7677.verifier, isMock: false, mechanism: mechanism, channelBinding: binding)
        #expect(lend(message) { server.clientFirst($0) } == .fail(error))
    }

    static let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    static let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    @Test(
        arguments: [
            ("", .malformed), ("c", .malformed), ("c=biws", .malformed), ("c=biws,r=\(nonce)", .malformed),
            ("c=biws,r=\(nonce),", .malformed), ("r=\(nonce),c=biws,p=\(proof)", .malformed),
            ("c=biws,p=\(proof),r=\(nonce)", .malformed), ("c=biw,r=\(nonce),p=\(proof)", .malformed),
            ("c=biws=,r=\(nonce),p=\(proof)", .malformed), ("c=,r=\(nonce),p=\(proof)", .channelBindingMismatch),
            ("c=eSws,r=\(nonce),p=\(proof)", .channelBindingMismatch),
            ("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=\(proof)", .nonceMismatch),
            ("c=biws,r=\(nonce)x,p=\(proof)", .nonceMismatch),
            ("c=biws,r=,p=\(proof)", .nonceMismatch), ("c=biws,r=\(nonce),p=", .malformed),
            ("c=biws,r=\(nonce),p=AAAA", .malformed), ("c=biws,r=\(nonce),p=\(proof)AAAA", .malformed),
            ("c=biws,r=\(nonce),p=\(proof),", .malformed), ("c=biws,r=\(nonce),p=\(proof),x=y", .malformed),
            ("c=biws,r=\(nonce),p=\(proof)\u{0}", .malformed), ("c=biws,r=\(nonce),p= \(proof)", .malformed),
            ("c=biws,r=\(nonce),m=x,p=\(proof)", .unsupportedExtension),
            ("c=biws,r=\(nonce),x=,p=\(proof)", .malformed),
            ("c=biws,r=\(nonce),x=y,p=\(proof)", .wrongProof), ("c=biws,r=\(nonce),x=\(long),p=\(proof)", .tooLong),
            ("c=biws,r=\(nonce),p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", .wrongProof),
            // The same proof with other unused bits is another spelling, so it is none.
            ("c=biws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=", .malformed),
        ] as [(String, ScramError)])
    func clientFinal(_ message: String, _ error: ScramError) {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false, nonce: RFC7677.serverNonce)
        _ = lend("n,," + RFC7677.bareFirst) { server.clientFirst($0) }
        guard case .fail(let failure) = lend(message, { server.clientFinal($0) }) else {
            Issue.record("accepted")
            return
        }
        #expect(failure == error)
        guard case .fail(.outOfOrder) = lend(RFC7677.clientFinal, { server.clientFinal($0) }) else {
            Issue.record("a second try was given")
            return
        }
    }

    @Test func aFinalMessageCannotComeFirst() {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false)
        guard case .fail(.outOfOrder) = lend(RFC7677.clientFinal, { server.clientFinal($0) }) else {
            Issue.record("accepted")
            return
        }
    }

    @Test func anExtensionInTheFinalMessageIsSigned() {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false, nonce: [UInt8]("N".utf8))
        _ = lend("n,,n=,r=a") { server.clientFirst($0) }
        let salted = ScramClient.saltedPassword(password: RFC7677.password, salt: RFC7677.salt, iterations: 4096)
        let bare = "c=biws,r=aN,x=y"
        let message = "n=,r=a,r=aN,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096," + bare
        let proof = ScramProof.clientProof(
            keys: ScramKeys(saltedPassword: salted), authMessage: [UInt8](message.utf8))
        let encoded = text(proof?.base64 ?? [])
        guard case .success = lend("\(bare),p=\(encoded)", { server.clientFinal($0) }) else {
            Issue.record("refused")
            return
        }
    }

    static let salt = "W22ZaJ0SNY7soEsUEjb6gQ=="

    @Test(
        arguments: [
            ("", .malformed), ("r=", .malformed), ("r=nonce+", .malformed), ("r=nonce+,s=\(salt)", .malformed),
            ("r=nonce+,i=1,s=\(salt)", .malformed), ("s=\(salt),r=nonce+,i=1", .malformed),
            ("r=nonce,s=\(salt),i=1", .nonceMismatch), ("r=nonc+,s=\(salt),i=1", .nonceMismatch),
            ("r=+nonce,s=\(salt),i=1", .nonceMismatch), ("r=nonce\u{7f},s=\(salt),i=1", .malformed),
            ("r=nonce+,s=,i=1", .malformed), ("r=nonce+,s=W22Za,i=1", .malformed),
            ("r=nonce+,s=\(salt),i=", .iterationCount),
            ("r=nonce+,s=\(salt),i=0", .iterationCount), ("r=nonce+,s=\(salt),i=-1", .iterationCount),
            ("r=nonce+,s=\(salt),i=1x", .iterationCount), ("r=nonce+,s=\(salt),i= 1", .iterationCount),
            ("r=nonce+,s=\(salt),i=01", .iterationCount), ("r=nonce+,s=\(salt),i=10000001", .iterationCount),
            ("r=nonce+,s=\(salt),i=4294967297", .iterationCount),
            ("r=nonce+,s=\(salt),i=99999999999999999999999", .iterationCount), ("r=nonce+,s=\(salt),i=1,", .malformed),
            ("r=nonce+,s=\(salt),i=1,x", .malformed), ("r=nonce+,s=\(salt),i=1,m=x", .unsupportedExtension),
            ("m=x,r=nonce+,s=\(salt),i=1", .unsupportedExtension), ("e=other-error", .refusedByServer),
            ("r=nonce\(long),s=\(salt),i=1", .tooLong),
            ("r=nonce\(String(repeating: "x", count: 1024)),s=\(salt),i=1", .tooLong),
            ("r=nonce+,s=\(String(repeating: "AAAA", count: 400)),i=1", .tooLong),
        ] as [(String, ScramError)])
    func serverFirst(_ message: String, _ error: ScramError) {
        var client = ScramClient(password: SecretBytes("x"), nonce: [UInt8]("nonce".utf8))
        _ = client.clientFirst()
        #expect(lend(message) { client.serverFirst($0) } == .fail(error))
        #expect(client.provide(saltedPassword: SecretBytes("x")) == .fail(.outOfOrder))
        #expect(!client.isComplete)
    }

    @Test(
        arguments: [
            ("", .malformed), ("v", .malformed), ("v=", .malformed), ("v=AAAA", .malformed),
            ("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", .wrongServerSignature),
            ("e=invalid-proof", .refusedByServer), ("x=y", .malformed), (long, .tooLong),
        ] as [(String, ScramError)])
    func serverFinal(_ message: String, _ error: ScramError) {
        var client = ScramClient(password: SecretBytes("x"), nonce: [UInt8]("nonce".utf8))
        _ = client.clientFirst()
        _ = lend("r=nonce+,s=AA==,i=1") { client.serverFirst($0) }
        guard case .reply = client.provide(saltedPassword: SecretBytes("x")) else {
            Issue.record("no reply")
            return
        }
        #expect(lend(message) { client.serverFinal($0) } == .fail(error))
        #expect(!client.isComplete)
    }

    @Test func theClientKeepsOrder() {
        let fresh = ScramClient(password: SecretBytes("x"), nonce: [UInt8]("nonce".utf8))
        var client = fresh
        #expect(lend("r=nonce+,s=AA==,i=1") { client.serverFirst($0) } == .fail(.outOfOrder))
        client = fresh
        #expect(lend("v=AAAA") { client.serverFinal($0) } == .fail(.outOfOrder))
        client = fresh
        #expect(client.provide(saltedPassword: SecretBytes("x")) == .fail(.outOfOrder))
        client = fresh
        _ = client.clientFirst()
        _ = client.clientFirst()
        #expect(lend("r=nonce+,s=AA==,i=1") { client.serverFirst($0) } == .fail(.outOfOrder))
    }
}
