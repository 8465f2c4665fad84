import COpenSSL

/// Certificate, key and authorities as they were read at one moment, checked against each other. Never changes, so any
/// thread may use it.
@safe public final class TLSMaterial: Sendable {
    /// Which of the files something is wrong with.
    public enum Part: Sendable, Hashable {
        case certificate, key, authorities
    }

    /// Why files are of no use; for people, without their content.
    public struct Problem: Error, Sendable, Hashable {
        /// The file to mend.
        public let part: Part
        /// What is wrong with it.
        public let reason: String
    }

    /// The certificate we show and those that lead to its authority, in the order they are sent. Owned.
    public nonisolated(unsafe) let chain: [OpaquePointer]
    /// The key of the first of them. Owned.
    public nonisolated(unsafe) let key: OpaquePointer?
    /// Who may have signed the peer's certificate. Owned.
    public nonisolated(unsafe) let authorities: [OpaquePointer]

    /// Reads PEM: a certificate with what leads to its authority and its key, or neither; authorities, or none. `now` in
    /// seconds since 1970 decides whether the certificate is valid.
    public init(certificate: [UInt8]?, key: SecretBytes?, authorities: [UInt8]?, now: Int64) throws(Problem) {
        defer { ERR_clear_error() }
        // Freed here if anything below fails: an initializer that throws runs no `deinit`.
        var owned = Owned()
        defer { owned.free() }
        if let certificate {
            unsafe owned.chain = try PEM.certificates(certificate, .certificate)
            try unsafe Self.checkDates(owned.chain[0], now)
        }
        if let key {
            unsafe owned.key = try PEM.key(key)
            if let own = unsafe owned.chain.first, unsafe X509_check_private_key(own, owned.key) != 1 {
                throw Problem(part: .key, reason: "it is not the key of the certificate")
            }
        }
        if let authorities { unsafe owned.authorities = try PEM.certificates(authorities, .authorities) }
        unsafe chain = owned.chain
        unsafe self.key = owned.key
        unsafe self.authorities = owned.authorities
        owned = Owned()
    }

    deinit {
        unsafe chain.forEach { unsafe X509_free($0) }
        unsafe authorities.forEach { unsafe X509_free($0) }
        unsafe EVP_PKEY_free(key)
    }

    private static func checkDates(_ certificate: OpaquePointer, _ now: Int64) throws(Problem) {
        var time = time_t(now)
        if unsafe X509_cmp_time(X509_get0_notAfter(certificate), &time) <= 0 {
            throw Problem(part: .certificate, reason: "it has expired")
        }
        if unsafe X509_cmp_time(X509_get0_notBefore(certificate), &time) > 0 {
            throw Problem(part: .certificate, reason: "it is not valid yet")
        }
    }
}

extension TLSMaterial {
    /// What a SCRAM exchange with us is bound to, see `ChannelBinding`.
    public var binding: ChannelBinding {
        unsafe chain.first.map { unsafe ChannelBinding(certificate: $0) } ?? .none
    }

    /// When the certificate ends, in seconds since 1970; nil if there is none.
    public var expiresAt: Int64? {
        guard let own = unsafe chain.first else { return nil }
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(X509_get0_notAfter(own), &parts) == 1 else { return nil }
        return Int64(unsafe timegm(&parts))
    }
}

@safe private struct Owned {
    var chain: [OpaquePointer] = unsafe []
    var key: OpaquePointer?
    var authorities: [OpaquePointer] = unsafe []

    init() { unsafe key = nil }

    func free() {
        unsafe chain.forEach { unsafe X509_free($0) }
        unsafe authorities.forEach { unsafe X509_free($0) }
        unsafe EVP_PKEY_free(key)
    }
}

enum PEM {
    /// A chain or a store is not longer than this.
    private static let mostCertificates = 1024

    /// All certificates of a file, at least one.
    static func certificates(
        _ text: [UInt8], _ part: TLSMaterial.Part
    ) throws(TLSMaterial.Problem) -> [OpaquePointer] {
        let source = unsafe BIO_new_mem_buf(text, CInt(clamping: text.count))
        defer { unsafe BIO_free(source) }
        var found: [OpaquePointer] = unsafe []
        while unsafe found.count < mostCertificates, let next = unsafe PEM_read_bio_X509(source, nil, nil, nil) {
            unsafe found.append(next)
        }
        let error = ERR_peek_last_error()
        if unsafe found.isEmpty {
            throw TLSMaterial.Problem(part: part, reason: "there is no certificate in PEM in it")
        }
        // The end is reported as a missing beginning; anything else is a certificate that cannot be read.
        guard error == 0 || headgate_error_reason(error) == PEM_R_NO_START_LINE else {
            unsafe found.forEach { unsafe X509_free($0) }
            throw TLSMaterial.Problem(part: part, reason: "certificate \(unsafe found.count + 1) in it cannot be read")
        }
        ERR_clear_error()
        return unsafe found
    }

    static func key(_ text: SecretBytes) throws(TLSMaterial.Problem) -> OpaquePointer {
        var bytes = text.revealed()
        defer { wipe(&bytes) }
        let source = unsafe BIO_new_mem_buf(bytes, CInt(clamping: bytes.count))
        defer { unsafe BIO_free(source) }
        // Without this a key with a pass phrase would be asked for on the terminal.
        let refuse: @convention(c) (UnsafeMutablePointer<CChar>?, CInt, CInt, UnsafeMutableRawPointer?) -> CInt = {
            _, _, _, _ in -1
        }
        guard let key = unsafe PEM_read_bio_PrivateKey(source, nil, refuse, nil) else {
            let isLocked = bytes.firstRange(of: Array("ENCRYPTED".utf8)) != nil
            throw TLSMaterial.Problem(
                part: .key,
                reason: isLocked
                    ? "the key is encrypted with a pass phrase, which cannot be given"
                    : "there is no private key in PEM in it")
        }
        return unsafe key
    }
}
