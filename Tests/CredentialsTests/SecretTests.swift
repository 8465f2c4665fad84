import Testing

@testable import Credentials

@Suite struct SecretTests {
    static let word = "hunter2-hunter2"

    /// Everything a program can print of a value.
    static func shown(_ value: Any) -> String {
        var text = String(describing: value) + String(reflecting: value) + "\(value)"
        dump(value, to: &text)
        return text
    }

    @Test func nothingPrintsASecret() throws {
        let secret = SecretBytes(Self.word)
        let verifier = ScramVerifier.derive(password: secret, salt: [1, 2, 3, 4], iterations: 1)
        let keys = ScramKeys(saltedPassword: secret)
        var client = ScramClient(password: secret)
        _ = client.clientFirst()
        let digest = try #require(MD5Login.hexDigest(password: secret, user: "u"))
        let values: [Any] = [
            secret, StoredSecret.plain(secret), StoredSecret.md5(hexDigest: digest), StoredSecret.scram(verifier),
            verifier, keys, client, ScramServer(verifier: verifier, isMock: false),
            ScramServerOutcome.success(serverFinal: [], keys: keys), [secret], Optional(secret) as Any,
        ]
        let forbidden = [Self.word, "104", text(digest.revealed()), "AQIDBA=="]
        for value in values {
            let shown = Self.shown(value)
            #expect(shown.contains("<secret>"))
            for word in forbidden { #expect(!shown.contains(word), "\(type(of: value))") }
        }
    }

    @Test func bytesComeBack() {
        #expect(SecretBytes(Self.word).withBytes { text($0.toBytes()) } == Self.word)
        #expect(SecretBytes([]).count == 0)
        #expect(SecretBytes("").equals(SecretBytes([])))
        #expect(SecretBytes("é").count == 2)
    }

    @Test func equality() {
        #expect(SecretBytes([1, 2]).equals(SecretBytes([1, 2])))
        #expect(!SecretBytes([1, 2]).equals(SecretBytes([1, 3])))
        #expect(!SecretBytes([1, 2]).equals(SecretBytes([1])))
        #expect(constantTimeEquals([], []) && constantTimeEquals([7], [7]) && !constantTimeEquals([7], [8]))
    }

    @Test func randomBytesDiffer() {
        #expect(randomBytes(32) != randomBytes(32))
        #expect(randomBytes(0).isEmpty && randomBytes(-1).isEmpty && randomBytes(5).count == 5)
    }

    @Test func storedFormsAreToldApart() throws {
        let verifier = RFC7677.verifier.encoded
        guard case .scram(let parsed)? = StoredSecret(parsing: verifier) else {
            Issue.record("not a verifier")
            return
        }
        #expect(parsed.encoded == verifier)
        guard case .md5(let digest)? = StoredSecret(parsing: "md54b63ff7dd41d6b65e1d03fe9d3a5d1a7") else {
            Issue.record("not md5")
            return
        }
        #expect(text(digest.revealed()) == "4b63ff7dd41d6b65e1d03fe9d3a5d1a7")
        for plain in ["md5", "md54B63FF7DD41D6B65E1D03FE9D3A5D1A7", "md54b63ff7dd41d6b65e1d03fe9d3a5d1a7 ", "x"] {
            guard case .plain? = StoredSecret(parsing: plain) else {
                Issue.record("\(plain) is a password")
                continue
            }
        }
        #expect(StoredSecret(parsing: "") == nil)
        #expect(StoredSecret(parsing: "SCRAM-SHA-256$4096:abc$x:y") == nil)
    }

    @Test(arguments: ["plain", "md5", "scram"])
    func passwordsInTheClear(_ form: String) throws {
        let password = SecretBytes(Self.word)
        let digest = try #require(MD5Login.hexDigest(password: password, user: "u"))
        let secret: StoredSecret =
            switch form {
            case "plain": .plain(password)
            case "md5": .md5(hexDigest: digest)
            default: .scram(.derive(password: password, salt: [9], iterations: 2))
            }
        #expect(secret.matches(password: password, user: "u"))
        #expect(!secret.matches(password: SecretBytes("other"), user: "u"))
        #expect(!secret.matches(password: SecretBytes(""), user: "u"))
        #expect(!StoredSecret.plain(SecretBytes("")).matches(password: SecretBytes(""), user: "u"))
    }
}

extension RawSpan {
    fileprivate func toBytes() -> [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }
}
