import ByteKit
import Testing

@testable import Credentials

/// The expected values were computed in Python, with hashlib and a SHA-256 crypt of its own that agrees with crypt(3).
@Suite struct MySQLCredentialTests {
    static let password = SecretBytes("secret")
    static let nonce = [UInt8]("01234567890123456789".utf8)

    static func hex(_ bytes: [UInt8]?) -> String { bytes.map { text(Hex.encode($0)) } ?? "nil" }

    @Test func native() throws {
        let stored = try #require(MySQLNative.storedHash(password: Self.password))
        #expect(MySQLNative.storedText(password: Self.password) == "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7")
        #expect(MySQLNative.storedHash(parsing: "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7")?.equals(stored) == true)
        let response = try #require(MySQLNative.response(password: Self.password, nonce: Self.nonce))
        #expect(Self.hex(response) == "7abe1a8776b59e931059451f81e596a60dbbf7a8")
        let recovered = try #require(
            lend(response) { MySQLNative.verify(response: $0, storedHash: stored, nonce: Self.nonce) })
        let other = [UInt8](repeating: 7, count: 20)
        let again = try #require(MySQLNative.response(passwordHash: recovered, nonce: other))
        #expect(again == MySQLNative.response(password: Self.password, nonce: other))
        #expect(lend(response) { MySQLNative.verify(response: $0, storedHash: stored, nonce: other) } == nil)
        #expect(lend("") { MySQLNative.verify(response: $0, storedHash: stored, nonce: Self.nonce) } == nil)
        #expect(lend(response + [0]) { MySQLNative.verify(response: $0, storedHash: stored, nonce: Self.nonce) } == nil)
    }

    @Test func cachingSHA2TheQuickWay() throws {
        let cached = CachingSHA2.cachedHash(password: Self.password)
        let response = try #require(CachingSHA2.response(password: Self.password, nonce: Self.nonce))
        #expect(Self.hex(response) == "1a2da2573c2faa367e2afddb54cdfd11a95ed22eef0167151196a6fc8e3d3813")
        let recovered = try #require(
            lend(response) { CachingSHA2.verify(response: $0, cachedHash: cached, nonce: Self.nonce) })
        let other = [UInt8](repeating: 7, count: 20)
        let again = try #require(CachingSHA2.response(passwordHash: recovered, nonce: other))
        #expect(again == CachingSHA2.response(password: Self.password, nonce: other))
        #expect(lend(response) { CachingSHA2.verify(response: $0, cachedHash: cached, nonce: other) } == nil)
        #expect(lend("") { CachingSHA2.verify(response: $0, cachedHash: cached, nonce: Self.nonce) } == nil)
    }

    @Test func emptyPasswordsAndWrongNonces() {
        let empty = SecretBytes("")
        #expect(MySQLNative.response(password: empty, nonce: Self.nonce) == [])
        #expect(CachingSHA2.response(password: empty, nonce: Self.nonce) == [])
        #expect(MySQLNative.response(password: Self.password, nonce: [1]) == nil)
        #expect(CachingSHA2.response(password: Self.password, nonce: [1]) == nil)
        #expect(MySQLNative.storedHash(parsing: "*00") == nil)
        #expect(MySQLNative.storedHash(parsing: String(repeating: "0", count: 41)) == nil)
        #expect(MySQLNative.storedHash(parsing: "*" + String(repeating: "x", count: 40)) == nil)
    }

    /// crypt(3) itself.
    @Test(arguments: [
        ("Hello world!", "saltstringsaltst", 10000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
        (
            "we have a short salt string but not a short password", "short", 77777,
            "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/"
        ),
    ])
    func shaCrypt(_ password: String, _ salt: String, _ rounds: Int, _ expected: String) throws {
        let digest = try #require(
            SHACrypt.digest(password: SecretBytes(password), salt: [UInt8](salt.utf8), rounds: rounds))
        #expect(text(digest.revealed()) == expected)
    }

    @Test(arguments: [
        ("secret", "Zu4RPJ/GZ6uhS5PeIiP5RI.gbHZR3DWR3exeD3zy4sD"), ("", "ELynBLUSDK6ML6ImTx/HRcqr45ibgHREVDQ4NvhIRD3"),
        ("p\u{e4}ssw\u{f6}rd", "8zz5UOCCu2GN6JyjPN0pMtV4X1rp.k/iTfoVLsY6YxA"),
        (String(repeating: "a", count: 256), "GUNCIiDU.Xlj8NXAnvXT29FWITdDyvk60Pi06MZrj71"),
    ])
    func cachingSHA2Verifiers(_ password: String, _ digest: String) throws {
        let stored = "$A$005$abcdefghij0123456789" + digest
        let salt = [UInt8]("abcdefghij0123456789".utf8)
        let secret = SecretBytes(password)
        let verifier = try #require(CachingSHA2Verifier.derive(password: secret, salt: salt))
        #expect(text(verifier.encoded) == stored)
        let parsed = try #require(CachingSHA2Verifier(parsing: [UInt8](stored.utf8)))
        #expect(parsed.matches(password: secret))
        #expect(!parsed.matches(password: SecretBytes(password + "x")))
        #expect(parsed.encoded == verifier.encoded)
        #expect("\(parsed)" == "<secret>")
    }

    @Test func verifiersAreChecked() throws {
        let good = [UInt8]("$A$005$abcdefghij0123456789\(String(repeating: "x", count: 43))".utf8)
        #expect(CachingSHA2Verifier(parsing: good) != nil)
        #expect(CachingSHA2Verifier(parsing: []) == nil)
        #expect(CachingSHA2Verifier(parsing: [UInt8](good.dropLast())) == nil)
        #expect(CachingSHA2Verifier(parsing: good + [0]) == nil)
        for (place, byte) in [(0, "#"), (1, "B"), (3, "x"), (5, "0"), (6, "a")] {
            var bad = good
            bad[place] = try #require(byte.utf8.first)
            #expect(CachingSHA2Verifier(parsing: bad) == nil)
        }
        let fresh = try #require(CachingSHA2Verifier.derive(password: Self.password, rounds: 10_000))
        #expect(text(fresh.encoded).hasPrefix("$A$00A$"))
        #expect(CachingSHA2Verifier(parsing: fresh.encoded)?.matches(password: Self.password) == true)
        #expect(CachingSHA2Verifier.derive(password: Self.password, salt: [1]) == nil)
        for rounds in [0, -1000, 1500, 4_096_000, Int.min] {
            #expect(CachingSHA2Verifier.derive(password: Self.password, rounds: rounds) == nil)
        }
        let long = SecretBytes(String(repeating: "a", count: 257))
        #expect(CachingSHA2Verifier.derive(password: long) == nil && !fresh.matches(password: long))
    }
}
