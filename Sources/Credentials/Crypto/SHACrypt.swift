/// SHA-256 crypt (U. Drepper, "Unix crypt using SHA-256 and SHA-512"), of which MySQL makes its stored passwords, with
/// salts of up to 20 bytes where crypt(3) takes 16.
enum SHACrypt {
    /// MySQL takes no longer password (`MAX_PLAINTEXT_LENGTH`); the time grows with the square of the length.
    static let passwordLimit = 256

    private static let alphabet = [UInt8]("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// The 43 letters behind the salt, or nil when the password is too long. Slow: about 4 ms for 5000 rounds.
    static func digest(password secret: SecretBytes, salt: [UInt8], rounds: Int) -> SecretBytes? {
        guard secret.count <= passwordLimit else { return nil }
        var password = secret.revealed()
        var digest = [UInt8](repeating: 0, count: Digest.sha256Size)
        var message: [UInt8] = []
        // Enough for the longest message, so that it never moves and leaves copies behind.
        message.reserveCapacity(max(password.count &* password.count, 2 &* password.count &+ 300 &* salt.count) &+ 1024)
        defer {
            wipe(&password)
            wipe(&digest)
            wipe(&message)
        }

        message += password + salt + password
        Digest.sha256(message, into: &digest)
        var stretched = repeated(digest, to: password.count)
        defer { wipe(&stretched) }
        message.removeAll(keepingCapacity: true)
        message += password + salt + stretched
        var bits = password.count
        while bits > 0 {
            message += bits & 1 == 1 ? digest : password
            bits >>= 1
        }
        Digest.sha256(message, into: &digest)
        var state = digest
        defer { wipe(&state) }

        message.removeAll(keepingCapacity: true)
        for _ in password.indices { message += password }
        Digest.sha256(message, into: &digest)
        var passwordSequence = repeated(digest, to: password.count)
        defer { wipe(&passwordSequence) }

        message.removeAll(keepingCapacity: true)
        for _ in 0..<(16 &+ Int(state[0])) { message += salt }
        Digest.sha256(message, into: &digest)
        let saltSequence = repeated(digest, to: salt.count)

        for round in 0..<max(rounds, 0) {
            message.removeAll(keepingCapacity: true)
            message += round & 1 == 1 ? passwordSequence : state
            if round % 3 != 0 { message += saltSequence }
            if round % 7 != 0 { message += passwordSequence }
            message += round & 1 == 1 ? state : passwordSequence
            Digest.sha256(message, into: &state)
        }
        return SecretBytes(letters(state))
    }

    /// `bytes` over and over until there are `count`.
    private static func repeated(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        (0..<count).map { bytes[$0 % bytes.count] }
    }

    /// The 32 bytes in crypt's order and alphabet: ten groups of three bytes, one of two.
    private static func letters(_ state: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        func append(_ group: UInt32, _ count: Int) {
            var group = group
            for _ in 0..<count {
                text.append(alphabet[Int(group & 63)])
                group >>= 6
            }
        }
        var (a, b, c) = (0, 10, 20)
        for _ in 0..<10 {
            append(UInt32(state[a]) << 16 | UInt32(state[b]) << 8 | UInt32(state[c]), 4)
            (a, b, c) = ((c &+ 1) % 30, (a &+ 1) % 30, (b &+ 1) % 30)
        }
        append(UInt32(state[31]) << 8 | UInt32(state[30]), 3)
        return text
    }
}
