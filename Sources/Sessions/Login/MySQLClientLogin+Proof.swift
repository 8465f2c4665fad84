internal import ByteKit
public import Credentials
internal import MySQLWire

/// Checking the client's answers.
extension MySQLClientLogin {
    /// Takes the client's answer for the plugin that was agreed on.
    func verify() -> MySQLClientLoginStep {
        guard case .secret(let secret, let cached, let isMock) = authentication else { return denied() }
        switch secret {
        case .native(let hash): return native(hash, isMock: isMock)
        case .ed25519(let key):
            let isRight = answer.withSpan { MariaDBEd25519.verify(response: $0, publicKey: key, nonce: nonce) }
            return isRight && !isMock ? accept(.none) : denied()
        case .cachingSHA2: return quick(cached, isMock: isMock)
        case .plain(let password):
            guard plugin == AuthPluginName.native else {
                return quick(CachingSHA2.cachedHash(password: password), isMock: isMock, isSure: true)
            }
            guard let hash = MySQLNative.storedHash(password: password) else { return denied() }
            return native(hash, isMock: isMock)
        }
    }

    private func native(_ hash: SecretBytes, isMock: Bool) -> MySQLClientLoginStep {
        let answered = answer.withSpan { MySQLNative.verify(response: $0, storedHash: hash, nonce: nonce) }
        guard let proof = answered, !isMock else { return denied() }
        return accept(.nativeHash(proof))
    }

    /// `caching_sha2_password` the quick way, and the slow way if that does not do. When the password itself is known
    /// (`isSure`), a wrong answer stays wrong.
    private func quick(_ cached: SecretBytes?, isMock: Bool, isSure: Bool = false) -> MySQLClientLoginStep {
        if answer.isEmpty { return denied() }
        if let cached {
            let answered = answer.withSpan { CachingSHA2.verify(response: $0, cachedHash: cached, nonce: nonce) }
            if let proof = answered, !isMock {
                pending = packet { $0.authMoreData([3]) }
                return accept(.sha256Hash(proof))
            }
            if isSure { return denied() }
        }
        return askForPassword()
    }

    /// The password a client sent under our key, or nil for what is none.
    public func decrypted(_ password: SecretBytes?) -> MySQLClientLoginStep {
        guard case .decrypting = state, let password else { return denied() }
        return check(password)
    }

    func check(_ password: SecretBytes) -> MySQLClientLoginStep {
        guard case .secret(let secret, _, _) = authentication, password.count > 0 else { return denied() }
        state = .checking
        checkedPassword = password
        return .check(password, secret)
    }

    /// Whether the password to be checked is the user's.
    public func checked(_ isRight: Bool) -> MySQLClientLoginStep {
        guard case .checking = state, case .secret(_, _, let isMock) = authentication, let password = checkedPassword
        else {
            return denied()
        }
        checkedPassword = nil
        return isRight && !isMock ? accept(.password(password)) : denied()
    }

    func accept(_ proof: MySQLProof) -> MySQLClientLoginStep {
        over(.accepted(proof))
    }
}
