import COpenSSL

extension ChannelBinding {
    /// The binding to a connection whose server showed this certificate (X.509 in DER): its hash by the function its
    /// signature uses, SHA-256 in place of MD5 and SHA-1 (RFC 5929 section 4.1). `.none` where the signature has no
    /// hash function of its own, as with Ed25519, or where `certificate` is none.
    public init(serverCertificate certificate: [UInt8]) {
        self = Self.hash(certificate).map(ChannelBinding.tlsServerEndPoint) ?? .none
    }

    /// The same for a certificate that libcrypto has read.
    init(certificate: OpaquePointer) {
        defer { ERR_clear_error() }
        self = unsafe Self.hash(certificate).map(ChannelBinding.tlsServerEndPoint) ?? .none
    }

    private static func hash(_ certificate: [UInt8]) -> [UInt8]? {
        ERR_clear_error()
        defer { ERR_clear_error() }
        return unsafe certificate.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            guard let length = CLong(exactly: buffer.count), let parsed = unsafe d2i_X509(nil, &position, length) else {
                return nil
            }
            // Ours until the end of this function.
            defer { unsafe X509_free(parsed) }
            return unsafe hash(parsed)
        }
    }

    private static func hash(_ certificate: OpaquePointer) -> [UInt8]? {
        guard let algorithm = unsafe digestAlgorithm(of: certificate) else { return nil }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: CUnsignedInt = 0
        guard unsafe X509_digest(certificate, algorithm, &digest, &count) == 1 else { return nil }
        return [UInt8](digest.prefix(Int(count)))
    }

    private static func digestAlgorithm(of certificate: OpaquePointer) -> OpaquePointer? {
        var identifier: CInt = 0
        guard unsafe X509_get_signature_info(certificate, &identifier, nil, nil, nil) == 1 else { return nil }
        switch identifier {
        case NID_undef: return nil
        case NID_md5, NID_sha1: return unsafe EVP_sha256()
        default: return unsafe EVP_get_digestbyname(OBJ_nid2sn(identifier))
        }
    }
}
