extension ScramServer {
    /// A verifier for a user who has none, so that nobody can tell from outside who exists: the salt is the same each
    /// time the user is tried, and no password fits. PostgreSQL does the same (`mock_scram_secret`).
    ///
    /// - Parameters:
    ///   - processSecret: random and the same for as long as salts shall stay the same.
    ///   - iterations: what the real verifiers have (`commonIterations`), or the mock can be told from them.
    public static func mockVerifier(user: String, processSecret: SecretBytes, iterations: Int) -> ScramVerifier {
        func derived(_ purpose: String) -> SecretBytes {
            Digest.hmacSHA256(key: processSecret, [UInt8](purpose.utf8) + [0] + [UInt8](user.utf8))
        }
        return ScramVerifier(
            iterations: iterations, salt: [UInt8](derived("salt").revealed().prefix(16)),
            storedKey: derived("stored key"), serverKey: derived("server key"))
    }

    /// The iteration count most users are asked for, the higher of two that are as common: what a mock should ask for. A
    /// password in clear text is asked for with the default.
    public static func commonIterations(_ secrets: some Sequence<StoredSecret>) -> Int {
        var counts: [Int: Int] = [:]
        for secret in secrets {
            switch secret {
            case .scram(let verifier): counts[verifier.iterations, default: 0] += 1
            case .plain: counts[ScramVerifier.defaultIterations, default: 0] += 1
            default: break
            }
        }
        return counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? ScramVerifier.defaultIterations
    }
}
