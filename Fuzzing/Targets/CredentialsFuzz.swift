import ByteKit
import Credentials

/// Nobody is let in with bytes of chance, and a verifier has one spelling.
enum CredentialsFuzz {
    private static let salted = ScramClient.saltedPassword(
        password: SecretBytes(Array("pencil".utf8)), salt: Array("salt of tests".utf8), iterations: 1)
    private static let verifier = ScramVerifier(
        saltedPassword: salted, salt: Array("salt of tests".utf8), iterations: 1)

    static func run(_ input: [UInt8]) -> String? {
        var dice = Dice(input)
        switch dice.below(4) {
        case 0: return server(&dice)
        case 1: return client(&dice)
        case 2:
            let bytes = dice.rest()
            guard case .scram(let parsed)? = bytes.withSpan({ StoredSecret(parsing: $0) }) else { return nil }
            return Array(parsed.encoded.utf8) == bytes ? nil : "a verifier with two spellings"
        default:
            let bytes = dice.rest()
            _ = ScramClient.saltedPassword(password: SecretBytes(bytes), salt: [1], iterations: 1)
            _ = ChannelBinding(serverCertificate: bytes)
            return nil
        }
    }

    private static func server(_ dice: inout Dice) -> String? {
        var server = ScramServer(verifier: verifier, isMock: dice.below(2) == 1)
        let first = dice.below(4) == 0 ? dice.take(dice.below(64)) : Array("n,,n=,r=abc".utf8)
        _ = first.withSpan { server.clientFirst($0) }
        if case .success = dice.rest().withSpan({ server.clientFinal($0) }) { return "let in without a proof" }
        return nil
    }

    private static func client(_ dice: inout Dice) -> String? {
        var client = ScramClient(password: SecretBytes(Array("pencil".utf8)))
        _ = client.clientFirst()
        _ = dice.take(dice.below(128)).withSpan { client.serverFirst($0) }
        if dice.below(2) == 1 { _ = client.provide(saltedPassword: salted) }
        if case .ok = dice.rest().withSpan({ client.serverFinal($0) }) { return "a server without a proof is believed" }
        return nil
    }
}
