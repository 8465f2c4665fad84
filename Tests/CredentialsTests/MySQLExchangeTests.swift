import ByteKit
import Testing

@testable import Credentials

@Suite struct MySQLExchangeTests {
    /// The expected values come from a Python implementation, which MariaDB 10.11 let in.
    @Test func ed25519() throws {
        let password = SecretBytes("secret")
        let nonce = [UInt8](0..<32)
        let key = MariaDBEd25519.publicKey(password: password)
        #expect(text(Hex.encode(key)) == "648814444520e4f56043a2ec9215e63be7992d2d270bc6dee873e36164786096")
        let answer = try #require(MariaDBEd25519.response(password: password, nonce: nonce))
        #expect(
            text(Hex.encode(answer)) == """
                546c3e9311d19ee389d1ae5d945821bfe459423910136f16b3bd2ae89fd7d63b\
                449e689f4be812891a85b8f999076446d92adb83d0707215aaa60b5a23220907
                """)
        #expect(lend(answer) { MariaDBEd25519.verify(response: $0, publicKey: key, nonce: nonce) })
        var other = nonce
        other[0] = 9
        #expect(!lend(answer) { MariaDBEd25519.verify(response: $0, publicKey: key, nonce: other) })
        #expect(!lend("") { MariaDBEd25519.verify(response: $0, publicKey: key, nonce: nonce) })
        #expect(!lend(answer) { MariaDBEd25519.verify(response: $0, publicKey: [1], nonce: nonce) })
        #expect(MariaDBEd25519.response(password: password, nonce: [1]) == nil)
        let stored = MariaDBEd25519.storedText(password: password)
        #expect(MariaDBEd25519.publicKey(parsing: stored) == key)
        #expect(MariaDBEd25519.publicKey(parsing: stored + "=") == nil)
    }

    /// libcrypto agrees with our signatures of passwords of every length.
    @Test func ed25519AgreesWithLibcrypto() throws {
        for length in 0..<40 {
            let password = SecretBytes(randomBytes(length))
            let nonce = randomBytes(32)
            let key = MariaDBEd25519.publicKey(password: password)
            let answer = try #require(MariaDBEd25519.response(password: password, nonce: nonce))
            #expect(lend(answer) { MariaDBEd25519.verify(response: $0, publicKey: key, nonce: nonce) })
        }
    }

    @Test func passwordsUnderRSA() throws {
        let pair = try #require(RSAKeyPair())
        #expect(text(pair.publicPEM).hasPrefix("-----BEGIN PUBLIC KEY-----"))
        let key = try #require(RSAPublicKey(pem: pair.publicPEM))
        let nonce = randomBytes(20)
        for password in ["", "secret", String(repeating: "ä", count: 50)] {
            let sent = try #require(key.encrypt(password: SecretBytes(password), nonce: nonce))
            #expect(sent.count == 256)
            #expect(pair.decrypt(sent, nonce: nonce)?.equals(SecretBytes(password)) == true)
            #expect(pair.decrypt(sent, nonce: [UInt8](repeating: 7, count: 20)) == nil)
        }
        #expect(key.encrypt(password: SecretBytes(String(repeating: "x", count: 300)), nonce: nonce) == nil)
        #expect(key.encrypt(password: SecretBytes("x"), nonce: []) == nil)
        for broken in [[], [1, 2, 3], [UInt8](repeating: 0, count: 256), randomBytes(256), randomBytes(257)] {
            #expect(pair.decrypt(broken, nonce: nonce) == nil)
        }
        for broken in ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            #expect(RSAPublicKey(pem: [UInt8](broken.utf8)) == nil)
        }
    }

    @Test func storedForms() throws {
        let password = SecretBytes("secret")
        let native = try #require(MySQLNative.storedText(password: password))
        guard case .native = MySQLSecret(parsing: native) else { return #expect(Bool(false)) }
        let verifier = try #require(CachingSHA2Verifier.derive(password: password))
        guard case .cachingSHA2 = MySQLSecret(parsing: verifier.encoded) else { return #expect(Bool(false)) }
        guard case .plain = MySQLSecret(parsing: "secret") else { return #expect(Bool(false)) }
        #expect(MySQLSecret(parsing: "") == nil && MySQLSecret(parsing: "$A$005$short") == nil)
        #expect(MySQLSecret(parsing: "*1234") == nil)
        for secret in [MySQLSecret(parsing: native), MySQLSecret(parsing: verifier.encoded), .plain(password)] {
            #expect(secret?.matches(password: password) == true)
            #expect(secret?.matches(password: SecretBytes("other")) == false)
        }
    }
}
