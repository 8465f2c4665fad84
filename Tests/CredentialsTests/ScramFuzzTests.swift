import Testing

@testable import Credentials

/// Bytes from a seeded generator, most of them honest messages with something changed. Nothing may trap, and nothing
/// changed may be taken for a login.
@Suite struct ScramFuzzTests {
    static let alphabet = [UInt8]("nyprcsivemxa=,:$+/AZaz09".utf8) + [0, 0x20, 0x7f, 0x80, 0xc3, 0xff]

    /// `message` with one to four changes: a byte set, flipped, removed or inserted, a part doubled, the end cut off.
    static func changed(_ message: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var result = message
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...max(result.count - 1, 0), using: &random)
            let byte = alphabet.randomElement(using: &random) ?? 0
            switch Int.random(in: 0..<7, using: &random) {
            case 0 where place < result.count: result[place] = byte
            case 1 where place < result.count: result[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2 where place < result.count: result.remove(at: place)
            case 3: result.insert(byte, at: place)
            case 4: result.insert(contentsOf: result[min(place, result.count)...], at: place)
            case 5: result.removeLast(min(Int.random(in: 0...20, using: &random), result.count))
            default: result = (0..<Int.random(in: 0..<40, using: &random)).map { _ in byte &+ UInt8(place & 3) }
            }
        }
        return result
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theServerRole(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let first = [UInt8](("n,," + RFC7677.bareFirst).utf8)
        let final = [UInt8](RFC7677.clientFinal.utf8)
        for _ in 0..<3000 {
            var server = ScramServer(verifier: RFC7677.verifier, isMock: false, nonce: RFC7677.serverNonce)
            let fuzzedFirst = Bool.random(using: &random) ? first : Self.changed(first, &random)
            let fuzzedFinal = Self.changed(final, &random)
            _ = lend(fuzzedFirst) { server.clientFirst($0) }
            if case .success = lend(fuzzedFinal, { server.clientFinal($0) }) {
                #expect(fuzzedFirst == first && fuzzedFinal == final, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theClientRole(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let first = [UInt8](RFC7677.serverFirst.utf8)
        let final = [UInt8](RFC7677.serverFinal.utf8)
        let salted = ScramClient.saltedPassword(password: RFC7677.password, salt: RFC7677.salt, iterations: 4096)
        for _ in 0..<3000 {
            var client = ScramClient(password: RFC7677.password, nonce: RFC7677.clientNonce)
            _ = client.clientFirst()
            _ = lend(Bool.random(using: &random) ? first : Self.changed(first, &random)) { client.serverFirst($0) }
            _ = client.provide(saltedPassword: salted)
            #expect(lend(Self.changed(final, &random)) { client.serverFinal($0) } != .ok, "seed \(seed)")
            #expect(!client.isComplete)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func storedSecrets(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let verifier = [UInt8](RFC7677.verifier.encoded.utf8)
        for _ in 0..<3000 {
            let bytes = Self.changed(verifier, &random)
            if case .scram(let parsed)? = lend(bytes, { StoredSecret(parsing: $0) }) {
                #expect([UInt8](parsed.encoded.utf8) == bytes, "a verifier has one spelling")
            }
            _ = SASLprep.prepared(SecretBytes(bytes))
            _ = ChannelBinding(serverCertificate: bytes)
        }
    }

    /// Every way both roles can be set up: the right password logs in, any other does not, and the keys the server
    /// recovers are those of the client.
    @Test(arguments: [ChannelBinding.none, .tlsServerEndPoint([1, 2, 3])], [false, true])
    func bothRoles(_ binding: ChannelBinding, _ offersPlus: Bool) {
        var random = SeededGenerator(state: 7)
        for round in 0..<60 {
            let password = SecretBytes(
                (0..<Int.random(in: 1..<40, using: &random)).map { _ in
                    UInt8.random(in: 1...255, using: &random)
                })
            let salt = (0..<Int.random(in: 1..<40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            let verifier = ScramVerifier.derive(password: password, salt: salt, iterations: round + 1)
            let isRight = Bool.random(using: &random)
            let client = ScramClient(
                password: isRight ? password : SecretBytes("other"), channelBinding: binding,
                serverOffersPlus: offersPlus)
            let server = ScramServer(
                verifier: verifier, isMock: false, mechanism: client.mechanism,
                channelBinding: offersPlus ? binding : .none)
            let ending = play(server, client)
            #expect(ending.client == nil)
            #expect(ending.server == (isRight ? nil : .wrongProof))
            #expect((ending.keys != nil) == isRight)
        }
    }

    @Test func aRemovedOfferIsNoticed() {
        let binding = ChannelBinding.tlsServerEndPoint([1, 2, 3])
        let client = ScramClient(password: RFC7677.password, channelBinding: binding, serverOffersPlus: false)
        let server = ScramServer(verifier: RFC7677.verifier, isMock: false, channelBinding: binding)
        #expect(play(server, client) == Ending(server: .channelBindingDowngrade))
    }

    @Test func anotherCertificateIsNoticed() {
        let client = ScramClient(
            password: RFC7677.password, channelBinding: .tlsServerEndPoint([1]), serverOffersPlus: true)
        let server = ScramServer(
            verifier: RFC7677.verifier, isMock: false, mechanism: .sha256Plus, channelBinding: .tlsServerEndPoint([2]))
        #expect(play(server, client) == Ending(server: .channelBindingMismatch))
    }
}
