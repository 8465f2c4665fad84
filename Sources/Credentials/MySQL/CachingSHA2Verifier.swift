/// What a server stores for a user of `caching_sha2_password` (`mysql.user.authentication_string`).
///
///     $A$<rounds / 1000, three hexadecimal digits>$<salt, 20 bytes><digest, 43 letters>
public struct CachingSHA2Verifier: Sendable, Unprintable {
    /// What MySQL uses if not told otherwise (`caching_sha2_password_digest_rounds`).
    public static let defaultRounds = 5000
    /// The length of a salt.
    public static let saltLength = 20

    /// Rounds of SHA-256 crypt, a multiple of 1000 from 1000 to 4,095,000.
    public let rounds: Int
    /// 20 bytes of ASCII, neither NUL nor `$`.
    public let salt: [UInt8]
    private let digest: SecretBytes

    /// Reads the stored form; nil when it is anything else.
    public init?(parsing stored: [UInt8]) {
        guard stored.count == 70, stored.starts(with: "$A$".utf8), stored[6] == UInt8(ascii: "$") else { return nil }
        var thousands = 0
        for byte in stored[3..<6] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            thousands = thousands << 4 | digit
        }
        guard thousands > 0 else { return nil }
        rounds = thousands &* 1000
        salt = [UInt8](stored[7..<27])
        digest = SecretBytes([UInt8](stored[27...]))
    }

    /// The verifier of `password`; nil if it is longer than 256 bytes, the salt has not 20, or `rounds` is no
    /// multiple of 1000 in the range. Slow: about 4 ms for 5000 rounds.
    public static func derive(
        password: SecretBytes, salt: [UInt8] = freshSalt(), rounds: Int = defaultRounds
    ) -> CachingSHA2Verifier? {
        guard salt.count == saltLength, rounds % 1000 == 0, (1000...4_095_000).contains(rounds) else { return nil }
        guard let digest = SHACrypt.digest(password: password, salt: salt, rounds: rounds) else { return nil }
        return CachingSHA2Verifier(rounds: rounds, salt: salt, digest: digest)
    }

    private init(rounds: Int, salt: [UInt8], digest: SecretBytes) {
        self.rounds = rounds
        self.salt = salt
        self.digest = digest
    }

    /// A verifier that takes as long to check and that no password fits.
    func mocked() -> CachingSHA2Verifier {
        CachingSHA2Verifier(rounds: rounds, salt: Self.freshSalt(), digest: SecretBytes(randomBytes(43)))
    }

    /// A random salt of letters and digits, which every client and file can hold.
    public static func freshSalt() -> [UInt8] {
        let letters = [UInt8]("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        return randomBytes(saltLength).map { letters[Int($0 & 63)] }
    }

    /// The stored form. Not always text: MySQL's own salts hold control characters.
    public var encoded: [UInt8] {
        let digits = String(rounds / 1000, radix: 16, uppercase: true)
        let padding = String(repeating: "0", count: max(3 &- digits.utf8.count, 0))
        return [UInt8]("$A$\(padding)\(digits)$".utf8) + salt + digest.revealed()
    }

    /// Whether `password`, as a client sends it the slow way, is the user's. Slow: see `derive`. Constant time.
    public func matches(password: SecretBytes) -> Bool {
        SHACrypt.digest(password: password, salt: salt, rounds: rounds)?.equals(digest) ?? false
    }
}
