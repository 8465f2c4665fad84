import ByteKit

/// The arithmetic both roles share (RFC 5802 section 3).
enum ScramProof {
    /// The message both sides sign.
    static func authMessage(clientFirstBare: [UInt8], serverFirst: [UInt8], clientFinalBare: [UInt8]) -> [UInt8] {
        clientFirstBare + [UInt8(ascii: ",")] + serverFirst + [UInt8(ascii: ",")] + clientFinalBare
    }

    /// The client key, masked by a signature only the holder of the stored key can compute.
    static func clientProof(keys: ScramKeys, authMessage: [UInt8]) -> SecretBytes? {
        keys.clientKey.xor(Digest.hmacSHA256(key: keys.storedKey, authMessage))
    }

    /// The client key behind a proof, if it is the one of the verifier.
    static func recoverClientKey(proof: SecretBytes, storedKey: SecretBytes, authMessage: [UInt8]) -> SecretBytes? {
        guard let clientKey = proof.xor(Digest.hmacSHA256(key: storedKey, authMessage)) else { return nil }
        return Digest.sha256(clientKey).equals(storedKey) ? clientKey : nil
    }

    /// What proves the server.
    static func serverSignature(serverKey: SecretBytes, authMessage: [UInt8]) -> SecretBytes {
        Digest.hmacSHA256(key: serverKey, authMessage)
    }

    /// A fresh nonce: 18 random bytes as 24 letters, as PostgreSQL makes it.
    static func nonce() -> [UInt8] { Base64.encode(randomBytes(18)) }
}
