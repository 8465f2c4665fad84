import COpenSSL
import Credentials

/// A certificate that signs itself, with its key, in PEM.
struct TestCertificate {
    let certificate: [UInt8]
    let key: SecretBytes

    /// For `name`, valid from `start` to `end` in seconds from now.
    init?(_ name: String, from start: Int = -60, to end: Int = 3600) {
        let context = unsafe EVP_PKEY_CTX_new_id(CInt(EVP_PKEY_ED25519), nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_keygen(context, &made) == 1 else { return nil }
        defer { unsafe EVP_PKEY_free(made) }
        let x509 = unsafe X509_new()
        defer { unsafe X509_free(x509) }
        let subject = unsafe X509_get_subject_name(x509)
        let text = Array(name.utf8)
        guard unsafe X509_set_version(x509, 2) == 1, unsafe ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(x509), start) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(x509), end) != nil,
            unsafe X509_NAME_add_entry_by_txt(subject, "CN", CInt(MBSTRING_FLAG | 1), text, CInt(text.count), -1, 0)
                == 1,
            unsafe X509_set_issuer_name(x509, subject) == 1, unsafe X509_set_pubkey(x509, made) == 1,
            unsafe X509_sign(x509, made, nil) > 0
        else { return nil }
        guard let certificate = unsafe Self.pem({ unsafe PEM_write_bio_X509($0, x509) }),
            let key = unsafe Self.pem({ unsafe PEM_write_bio_PrivateKey($0, made, nil, nil, 0, nil, nil) })
        else { return nil }
        self.certificate = certificate
        self.key = SecretBytes(key)
    }

    private static func pem(_ write: (OpaquePointer?) -> CInt) -> [UInt8]? {
        let target = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(target) }
        guard unsafe write(target) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = unsafe BIO_read(target, &bytes, CInt(bytes.count))
        return count > 0 ? Array(bytes[..<Int(count)]) : nil
    }
}
