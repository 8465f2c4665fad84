@testable import Credentials

/// The example of RFC 7677 section 3.
enum RFC7677 {
    static let password = SecretBytes("pencil")
    static let clientNonce = [UInt8]("rOprNGfwEbeRWgbNEkqO".utf8)
    static let serverNonce = [UInt8]("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8)
    static let salt = [UInt8](
        [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81])
    static let bareFirst = "n=user,r=rOprNGfwEbeRWgbNEkqO"
    static let serverFirst =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    static let clientFinal =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    static let verifier = ScramVerifier.derive(password: password, salt: salt, iterations: 4096)
}

/// How an exchange of our two roles ended.
struct Ending: Equatable {
    var server: ScramError?
    var client: ScramError?
    var keys: [UInt8]?
}

/// Plays a whole login between our two roles.
func play(_ server: ScramServer, _ client: ScramClient) -> Ending {
    var server = server
    var client = client
    var ending = Ending()
    let first = client.clientFirst()
    let serverFirst: [UInt8]
    switch lend(first, { server.clientFirst($0) }) {
    case .reply(let message): serverFirst = message
    case .fail(let error):
        ending.server = error
        return ending
    }
    var step = lend(serverFirst) { client.serverFirst($0) }
    if case .needKeys(let salt, let iterations) = step, let password = client.password {
        step = client.provide(
            saltedPassword: ScramClient.saltedPassword(password: password, salt: salt, iterations: iterations))
    }
    let final: [UInt8]
    switch step {
    case .reply(let message): final = message
    case .needKeys: return ending
    case .fail(let error):
        ending.client = error
        return ending
    }
    switch lend(final, { server.clientFinal($0) }) {
    case .success(let serverFinal, let keys):
        ending.keys = keys.clientKey.revealed()
        if case .fail(let error) = lend(serverFinal, { client.serverFinal($0) }) { ending.client = error }
    case .fail(let error):
        ending.server = error
    }
    return ending
}
