/// The two keys a password gives under one salt and iteration count (RFC 5802 section 3). Whoever has them can log in
/// as the user and can play the server towards the user, without knowing the password.
public struct ScramKeys: Sendable, Unprintable {
    /// Proves the client. PgBouncer's `scram_client_key`.
    public let clientKey: SecretBytes
    /// Proves the server. PgBouncer's `scram_server_key`.
    public let serverKey: SecretBytes

    /// Keys from elsewhere; both have 32 bytes.
    public init(clientKey: SecretBytes, serverKey: SecretBytes) {
        self.clientKey = clientKey
        self.serverKey = serverKey
    }

    /// The keys of a salted password. Fast.
    public init(saltedPassword: SecretBytes) {
        clientKey = Digest.hmacSHA256(key: saltedPassword, [UInt8]("Client Key".utf8))
        serverKey = Digest.hmacSHA256(key: saltedPassword, [UInt8]("Server Key".utf8))
    }

    /// What a server stores to check the client: the hash of the client key.
    public var storedKey: SecretBytes { Digest.sha256(clientKey) }
}
