import ByteKit
import Credentials
import PostgresWire
import Sessions
import Settings

/// Nobody is let in without a proof, no step deals with more than there is, and cutting changes nothing.
enum LoginFuzz {
    static func run(_ input: [UInt8]) -> String? {
        var dice = Dice(input)
        return dice.below(2) == 0 ? client(&dice) : server(&dice)
    }

    private static let secret = StoredSecret(parsing: "a password that no fuzzer guesses")

    private static func method(_ number: Int) -> ClientAuthentication {
        switch number {
        case 0: return .cleartext(secret)
        case 1: return .md5(secret)
        case 2: return .cleartext(nil)
        case 3: return .md5(nil)
        default:
            let mock = ScramServer.mockVerifier(user: "u", processSecret: SecretBytes(Array("s".utf8)), iterations: 1)
            return .scram(mock, isMock: number == 4)
        }
    }

    private static func client(_ dice: inout Dice) -> String? {
        let login = ClientLogin(secretOfProcess: SecretBytes(Array("s".utf8)), offersTLS: dice.below(2) == 1)
        let way = method(dice.below(6))
        var carried: [UInt8] = []
        while !dice.isEmpty {
            carried += dice.take(1 + dice.below(64))
            for _ in 0..<64 {
                let (consumed, step) = carried.withSpan { login.received($0) }
                if consumed < 0 || consumed > carried.count {
                    return "\(consumed) of \(carried.count) bytes dealt with"
                }
                carried.removeFirst(consumed)
                var next = step
                if case .startup = step { next = login.begin(way) }
                switch next {
                case .accepted: return "let in without a proof"
                case .cancel, .refused, .closeSilently: return nil
                case .beginTLS, .beginDirectTLS:
                    login.becameSecure(binding: dice.below(2) == 1 ? .tlsServerEndPoint([1]) : .none)
                case .needBytes, .reply, .startup: break
                }
                if case .needBytes = next { break }
                if carried.isEmpty { break }
            }
        }
        return nil
    }

    private static func server(_ dice: inout Dice) -> String? {
        let credentials: [ServerCredential] = [.none, secret.map { .stored($0) } ?? .none]
        let login = ServerLogin(
            user: "u", database: "d", credential: credentials[dice.below(2)],
            tls: [.disable, .prefer, .require][dice.below(3)])
        _ = login.begin()
        var carried: [UInt8] = []
        while !dice.isEmpty {
            carried += dice.take(1 + dice.below(64))
            for _ in 0..<64 {
                let (consumed, step) = carried.withSpan { login.received($0) }
                if consumed < 0 || consumed > carried.count {
                    return "\(consumed) of \(carried.count) bytes dealt with"
                }
                carried.removeFirst(consumed)
                switch step {
                case .failed, .ready: return nil
                case .needSaltedPassword(_, _, let iterations):
                    if iterations < 1 { return "\(iterations) iterations" }
                    if case .failed = login.provide(saltedPassword: SecretBytes([UInt8](repeating: 7, count: 32))) {
                        return nil
                    }
                case .beginTLS: _ = login.secured(binding: dice.below(2) == 1 ? .tlsServerEndPoint([1]) : .none)
                case .needBytes, .send: break
                }
                if case .needBytes = step { break }
                if carried.isEmpty { break }
            }
        }
        return nil
    }
}
