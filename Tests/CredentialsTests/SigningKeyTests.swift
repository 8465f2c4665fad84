import ByteKit
import Testing

@testable import Credentials

@Suite("Signing keys") struct SigningKeyTests {
    @Test("RFC 8032 section 7.1, test 2")
    func vector() throws {
        let seed = try #require(
            Hex.decode(Array("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb".utf8)))
        let key = try #require(SigningKey(seed: SecretBytes(seed)))
        #expect(
            String(decoding: Hex.encode(key.publicKey.raw), as: UTF8.self)
                == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        let signature = try #require(key.sign([0x72]))
        #expect(
            String(decoding: Hex.encode(signature), as: UTF8.self)
                == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        #expect(key.publicKey.isSignature(signature, of: [0x72]))
        #expect(!key.publicKey.isSignature(signature, of: [0x73]))
        #expect(!key.publicKey.isSignature([], of: [0x72]))
    }

    @Test("keys come back from PEM")
    func pem() throws {
        let key = try #require(SigningKey())
        let pem = try #require(key.pem)
        let read = try #require(SigningKey(pem: pem))
        #expect(read.publicKey.raw == key.publicKey.raw)
        let publicKey = try #require(VerifyingKey(pem: key.publicKey.pem))
        #expect(publicKey.raw == key.publicKey.raw && publicKey.id == key.publicKey.id)
        #expect(VerifyingKey(pem: Array("nothing".utf8)) == nil)
        #expect(SigningKey(pem: SecretBytes("nothing")) == nil)
    }

    @Test("SHA-256 of FIPS 180-4")
    func sha256() {
        let hash = Array("abc".utf8).withSpan { SHA256Value(of: $0) }
        #expect(hash.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hash.bytes.withSpan { SHA256Value($0) } == hash)
    }
}
