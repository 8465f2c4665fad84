import ByteKit

/// What a server stores for a user of SCRAM-SHA-256 (`pg_authid.rolpassword`).
///
///     SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>      salt and keys in base64
public struct ScramVerifier: Sendable, Unprintable {
    /// The number of iterations PostgreSQL uses if not told otherwise.
    public static let defaultIterations = 4096
    /// How a stored verifier begins.
    static let prefix = [UInt8]("SCRAM-SHA-256$".utf8)

    /// Rounds of PBKDF2, 1...10,000,000.
    public let iterations: Int
    /// The salt, not empty.
    public let salt: [UInt8]
    /// The hash of the client key, 32 bytes.
    public let storedKey: SecretBytes
    /// Proves the server, 32 bytes.
    public let serverKey: SecretBytes

    /// A verifier of known parts.
    init(iterations: Int, salt: [UInt8], storedKey: SecretBytes, serverKey: SecretBytes) {
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// A verifier of a salted password, made with the same `salt` and `iterations`. Fast.
    public init(saltedPassword: SecretBytes, salt: [UInt8], iterations: Int) {
        let keys = ScramKeys(saltedPassword: saltedPassword)
        self.init(iterations: iterations, salt: salt, storedKey: keys.storedKey, serverKey: keys.serverKey)
    }

    /// Reads the stored form; nil when it is anything else.
    public init?(parsing text: String) {
        unsafe self.init(parsing: [UInt8](text.utf8).span.bytes)
    }

    /// Reads the stored form; nil when it is anything else.
    public init?(parsing text: RawSpan) {
        guard text.byteCount <= 4096 else { return nil }
        let bytes = text.toArray()
        guard bytes.starts(with: Self.prefix) else { return nil }
        let fields = bytes.dropFirst(Self.prefix.count).split(
            separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard fields.count == 2 else { return nil }
        let head = fields[0].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let keys = fields[1].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard head.count == 2, keys.count == 2 else { return nil }
        do throws(ScramError) {
            self.init(
                iterations: try ScramValue.iterations([UInt8](head[0])),
                salt: try ScramValue.salt([UInt8](head[1])),
                storedKey: try ScramValue.key([UInt8](keys[0])),
                serverKey: try ScramValue.key([UInt8](keys[1])))
        } catch {
            return nil
        }
    }

    /// The verifier of `password`, prepared as PostgreSQL does (SASLprep, or the bytes as they are where that fails).
    ///
    /// Slow: see `ScramClient.saltedPassword`.
    public static func derive(password: SecretBytes, salt: [UInt8], iterations: Int) -> ScramVerifier {
        let salted = ScramClient.saltedPassword(password: password, salt: salt, iterations: iterations)
        return ScramVerifier(saltedPassword: salted, salt: salt, iterations: iterations)
    }

    /// The stored form. A secret once it is text: it goes into a file or a `CREATE ROLE`, not into a log.
    public var encoded: String {
        var text = Self.prefix
        text += "\(iterations):".utf8
        text += Base64.encode(salt)
        text.append(UInt8(ascii: "$"))
        text += storedKey.withBytes { Base64.encode($0) }
        text.append(UInt8(ascii: ":"))
        text += serverKey.withBytes { Base64.encode($0) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether the keys of a salted password are those of this verifier. Constant time.
    public func matches(saltedPassword: SecretBytes) -> Bool {
        ScramKeys(saltedPassword: saltedPassword).storedKey.equals(storedKey)
    }
}
