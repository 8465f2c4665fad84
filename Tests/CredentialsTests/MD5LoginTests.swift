import Testing

@testable import Credentials

@Suite struct MD5LoginTests {
    /// PostgreSQL 15 with `password_encryption = md5`: `CREATE ROLE bob PASSWORD 'secret'`.
    @Test func storedFormIsThatOfPostgreSQL() {
        let digest = MD5Login.hexDigest(password: SecretBytes("secret"), user: "bob")
        #expect(text(digest?.revealed() ?? []) == "21f3163f8f86fa10bdefbfbd502a8f06")
    }

    // Python: "md5" + md5(md5(b"secret" + b"bob").hexdigest().encode() + bytes([1, 2, 3, 4])).hexdigest()
    static let answer = "md5f21dfe33ff3a9e03dbc3e008251fe5cc"
    static let digest = "21f3163f8f86fa10bdefbfbd502a8f06"
    static let salt: [UInt8] = [1, 2, 3, 4]

    @Test func answersFromEitherForm() throws {
        let plain = StoredSecret.plain(SecretBytes("secret"))
        let stored = try #require(StoredSecret(parsing: "md5" + Self.digest))
        for secret in [plain, stored] {
            let response = try #require(MD5Login.response(user: "bob", password: secret, salt: Self.salt))
            #expect(text(response) == Self.answer)
            #expect(lend(Self.answer) { MD5Login.verify(response: $0, user: "bob", secret: secret, salt: Self.salt) })
            #expect(!lend("") { MD5Login.verify(response: $0, user: "bob", secret: secret, salt: Self.salt) })
            #expect(
                !lend(Self.answer) { MD5Login.verify(response: $0, user: "bob", secret: secret, salt: [1, 2, 3, 5]) })
        }
        #expect(!lend(Self.answer) { MD5Login.verify(response: $0, user: "bo", secret: plain, salt: Self.salt) })
    }

    @Test func refusesWhatCannotBe() {
        let plain = StoredSecret.plain(SecretBytes("secret"))
        #expect(MD5Login.response(user: "bob", password: plain, salt: [1, 2, 3]) == nil)
        #expect(MD5Login.response(user: "bob", password: .scram(RFC7677.verifier), salt: Self.salt) == nil)
        let empty = StoredSecret.plain(SecretBytes(""))
        let answer = MD5Login.response(user: "bob", password: empty, salt: Self.salt) ?? []
        #expect(!lend(answer) { MD5Login.verify(response: $0, user: "bob", secret: empty, salt: Self.salt) })
    }
}
