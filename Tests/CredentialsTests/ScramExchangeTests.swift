import Testing

@testable import Credentials

@Suite struct ScramExchangeTests {
    @Test func serverFollowsTheExampleOfRFC7677() throws {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false, nonce: RFC7677.serverNonce)
        let step = lend("n,," + RFC7677.bareFirst) { server.clientFirst($0) }
        #expect(step == .reply(serverFirst: [UInt8](RFC7677.serverFirst.utf8)))
        guard case .success(let serverFinal, let keys) = lend(RFC7677.clientFinal, { server.clientFinal($0) }) else {
            Issue.record("the proof of the RFC was refused")
            return
        }
        #expect(text(serverFinal) == RFC7677.serverFinal)
        let salted = ScramClient.saltedPassword(password: RFC7677.password, salt: RFC7677.salt, iterations: 4096)
        #expect(keys.clientKey.equals(ScramKeys(saltedPassword: salted).clientKey))
        #expect(keys.serverKey.equals(RFC7677.verifier.serverKey))
    }

    @Test func clientFollowsItsOwnTranscript() {
        // The RFC's client names the user, ours leaves that to the startup packet, so the proof is another one.
        var client = ScramClient(password: RFC7677.password, nonce: RFC7677.clientNonce)
        #expect(text(client.clientFirst()) == "n,,n=,r=rOprNGfwEbeRWgbNEkqO")
        #expect(lend(RFC7677.serverFirst) { client.serverFirst($0) } == .needKeys(salt: RFC7677.salt, iterations: 4096))
        let salted = ScramClient.saltedPassword(password: RFC7677.password, salt: RFC7677.salt, iterations: 4096)
        guard case .reply(let final) = client.provide(saltedPassword: salted) else {
            Issue.record("no final message")
            return
        }
        #expect(
            text(final).hasPrefix("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="))
        #expect(!client.isComplete)
        #expect(lend(RFC7677.serverFinal) { client.serverFinal($0) } == .fail(.wrongServerSignature))
        #expect(!client.isComplete)
    }

    @Test func rolesAgree() {
        let server = ScramServer(verifier: RFC7677.verifier, isMock: false)
        let ending = play(server, ScramClient(password: RFC7677.password))
        #expect(ending.server == nil && ending.client == nil && ending.keys != nil)
    }

    @Test func recoveredKeysLogInElsewhere() throws {
        var server = ScramServer(verifier: RFC7677.verifier, isMock: false, nonce: RFC7677.serverNonce)
        _ = lend("n,," + RFC7677.bareFirst) { server.clientFirst($0) }
        guard case .success(_, let keys) = lend(RFC7677.clientFinal, { server.clientFinal($0) }) else {
            Issue.record("refused")
            return
        }
        let next = ScramServer(verifier: RFC7677.verifier, isMock: false)
        let ending = play(next, ScramClient(keys: keys, madeFor: RFC7677.verifier))
        #expect(ending == Ending(keys: keys.clientKey.revealed()))
        let changed = ScramVerifier.derive(password: RFC7677.password, salt: [1, 2, 3], iterations: 4096)
        #expect(
            play(
                ScramServer(verifier: changed, isMock: false), ScramClient(keys: keys, madeFor: RFC7677.verifier)
            ) == Ending(client: .keysOutdated))
        #expect(
            play(ScramServer(verifier: changed, isMock: false), ScramClient(keys: keys))
                == Ending(server: .wrongProof))
    }

    @Test(arguments: ["", "pencil ", "Pencil", "penci", "pencil\u{e9}"])
    func wrongPasswordsFail(_ password: String) {
        let server = ScramServer(verifier: RFC7677.verifier, isMock: false)
        #expect(play(server, ScramClient(password: SecretBytes(password))) == Ending(server: .wrongProof))
    }

    @Test func aMockFailsWithTheRightPasswordToo() {
        let server = ScramServer(verifier: RFC7677.verifier, isMock: true)
        #expect(play(server, ScramClient(password: RFC7677.password)) == Ending(server: .wrongProof))
    }

    @Test func mockSaltsAreStablePerUserAndProcess() {
        let secret = SecretBytes(randomBytes(32))
        let one = ScramServer.mockVerifier(user: "nobody", processSecret: secret, iterations: 8192)
        #expect(one.iterations == 8192)
        #expect(one.salt == ScramServer.mockVerifier(user: "nobody", processSecret: secret, iterations: 1).salt)
        #expect(one.salt != ScramServer.mockVerifier(user: "nobody2", processSecret: secret, iterations: 1).salt)
        let other = ScramServer.mockVerifier(user: "nobody", processSecret: SecretBytes([1]), iterations: 1)
        #expect(one.salt != other.salt)
        #expect(one.salt.count == 16)
    }

    @Test func mocksAskForWhatMostUsersAreAskedFor() {
        func verifier(_ iterations: Int) -> StoredSecret {
            .scram(ScramVerifier.derive(password: SecretBytes([1]), salt: [2], iterations: iterations))
        }
        #expect(ScramServer.commonIterations([]) == ScramVerifier.defaultIterations)
        #expect(ScramServer.commonIterations([verifier(8), verifier(9), verifier(8)]) == 8)
        #expect(ScramServer.commonIterations([verifier(8), verifier(9)]) == 9)
        let plain = StoredSecret.plain(SecretBytes([1]))
        #expect(ScramServer.commonIterations([verifier(8), plain, plain]) == ScramVerifier.defaultIterations)
    }
}
