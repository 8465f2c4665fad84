extension ScramServer {
    /// A verifier for a user who has none, so that nobody can tell from outside who exists: the salt is the same each
    /// time the user is tried, and no password fits. PostgreSQL does the same (`mock_scram_secret`).
    ///
    /// - Parameters:
    ///   - processSecret: random and the same for as long as salts shall stay the same.
    ///   - iterations: what the real verifiers have, or the mock can be told from them.
    public static func mockVerifier(
        user: String, processSecret: SecretBytes, iterations: Int = ScramVerifier.defaultIterations
    ) -> ScramVerifier {
        func derived(_ purpose: String) -> SecretBytes {
            Digest.hmacSHA256(key: processSecret, [UInt8](purpose.utf8) + [0] + [UInt8](user.utf8))
        }
        return ScramVerifier(
            iterations: iterations, salt: [UInt8](derived("salt").revealed().prefix(16)),
            storedKey: derived("stored key"), serverKey: derived("server key"))
    }
}
