/// What is stored for a user of the MySQL side: the password, or what a server keeps of it.
public enum MySQLSecret: Sendable, Unprintable {
    /// The password itself.
    case plain(SecretBytes)
    /// `*` and 40 hexadecimal digits: the password hashed twice with SHA-1.
    case native(SecretBytes)
    /// `$A$005$…`, of `caching_sha2_password`.
    case cachingSHA2(CachingSHA2Verifier)
    /// The public key of MariaDB's `ed25519`.
    case ed25519(publicKey: [UInt8])

    /// Tells the forms apart. Text that begins like a verifier and is none is refused, for a damaged verifier must not
    /// become a password; a password that begins with `*` or `$A$` cannot be given in the clear. An `ed25519` key looks
    /// like a password, so it is never guessed.
    public init?(parsing stored: [UInt8]) {
        guard let first = stored.first else { return nil }
        if first == UInt8(ascii: "*") {
            guard let hash = MySQLNative.storedHash(parsing: String(decoding: stored, as: UTF8.self)) else {
                return nil
            }
            self = .native(hash)
        } else if stored.starts(with: "$A$".utf8) {
            guard let verifier = CachingSHA2Verifier(parsing: stored) else { return nil }
            self = .cachingSHA2(verifier)
        } else {
            self = .plain(SecretBytes(stored))
        }
    }

    /// The same for text.
    public init?(parsing text: String) {
        self.init(parsing: [UInt8](text.utf8))
    }

    /// Whether `password`, sent as it is, is the user's. Slow for `caching_sha2_password`. Constant time.
    public func matches(password: SecretBytes) -> Bool {
        switch self {
        case .plain(let expected): expected.equals(password)
        case .native(let hash): MySQLNative.storedHash(password: password)?.equals(hash) ?? false
        case .cachingSHA2(let verifier): verifier.matches(password: password)
        case .ed25519(let key): constantTimeEquals(MariaDBEd25519.publicKey(password: password), key)
        }
    }

    /// What stands in for a user who does not exist: nobody knows the password of it. `other` is the secret of some user
    /// who does exist, for the exchange must not tell the two apart.
    public static func mock(like other: MySQLSecret) -> MySQLSecret {
        switch other {
        case .plain: return .plain(SecretBytes(randomBytes(20)))
        case .native: return .native(SecretBytes(randomBytes(20)))
        case .ed25519: return .ed25519(publicKey: MariaDBEd25519.publicKey(password: SecretBytes(randomBytes(20))))
        case .cachingSHA2(let verifier): return .cachingSHA2(verifier.mocked())
        }
    }

    /// The same for the kind that most of `secrets` are of, the password itself for none.
    public static func mock(likeMostOf secrets: [MySQLSecret]) -> MySQLSecret {
        let kinds = Dictionary(grouping: secrets, by: \.kind).values.max { $0.count < $1.count }
        return mock(like: kinds?.first ?? .plain(SecretBytes([])))
    }

    private var kind: Int {
        switch self {
        case .plain: 0
        case .native: 1
        case .cachingSHA2: 2
        case .ed25519: 3
        }
    }
}
