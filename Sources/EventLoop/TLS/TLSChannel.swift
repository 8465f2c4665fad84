import COpenSSL

/// Why there is no TLS connection.
public enum TLSFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The peer, or OpenSSL, refused; for people and the log.
    case refused(String)
    /// The peer's certificate is not believed.
    case untrusted(String)

    /// For the log.
    public var description: String {
        switch self {
        case .refused(let why): "no TLS: \(why)"
        case .untrusted(let why): "its certificate is not trusted: \(why)"
        }
    }
}

/// One connection's TLS: bytes received in, plain bytes out, and the other way. It sees no socket, and waits for nothing.
///
/// Used by one loop at a time; it moves to another with its connection (`move`).
@safe public final class TLSChannel {
    private let raw: OpaquePointer
    private let pipe: OpaquePointer
    private var port: TLSPort
    /// The handshake is over.
    public private(set) var isOpen = false

    /// How an attempt to go on went.
    public enum Progress: Equatable {
        /// So many plain bytes lie in the buffer.
        case bytes(Int)
        /// The handshake is over.
        case opened
        /// More must be received first.
        case needsMore
        /// The peer has ended its side.
        case ended
        /// It is over.
        case failed(TLSFailure)
    }

    /// The beginning of a connection whose first bytes have still to come. `serverName` is the name or address a server was
    /// connected by: it is told, and its certificate must be for it if the context says so. nil for lack of memory.
    public convenience init?(_ context: TLSContext, _ port: TLSPort, accepting: Void) {
        self.init(context, port)
        unsafe SSL_set_accept_state(raw)
    }

    /// See above; the first bytes are ours.
    public convenience init?(_ context: TLSContext, _ port: TLSPort, connectingTo serverName: String) {
        self.init(context, port)
        unsafe SSL_set_connect_state(raw)
        let isAddress = PeerAddress(numeric: serverName, port: 0) != nil
        if context.checksName {
            let parameters = unsafe SSL_get0_param(raw)
            let isSet =
                isAddress
                ? unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName)
                : unsafe SSL_set1_host(raw, serverName)
            guard isSet == 1 else { return nil }
        }
        // RFC 6066 allows names only.
        if !isAddress, !serverName.isEmpty {
            guard unsafe headgate_tls_set_server_name(raw, serverName) == 1 else { return nil }
        }
    }

    private init?(_ context: TLSContext, _ port: TLSPort) {
        guard let tls = unsafe SSL_new(context.raw) else { return nil }
        guard let bio = unsafe BIO_new(TLSPort.method) else {
            unsafe SSL_free(tls)
            return nil
        }
        unsafe raw = tls
        // Freed with `raw`.
        unsafe pipe = bio
        self.port = port
        unsafe BIO_set_data(bio, port.raw)
        unsafe SSL_set_bio(tls, bio, bio)
    }

    deinit { unsafe SSL_free(raw) }

    /// It goes on in another loop.
    public func move(to port: TLSPort) {
        self.port = port
        unsafe BIO_set_data(pipe, port.raw)
    }

    /// Goes on with the handshake. What is to be sent lies in the port then, whatever came of it.
    public func handshake() -> Progress {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(raw)
        if result == 1 {
            isOpen = true
            return .opened
        }
        return progress(result)
    }

    /// Opens what has been received, as far as the buffer has room: 16 KiB at most, the size of a record. To be called until
    /// it needs more. What is to be sent lies in the port then.
    public func open(into buffer: UnsafeMutableRawBufferPointer) -> Progress {
        ERR_clear_error()
        var count = 0
        let result = unsafe SSL_read_ex(raw, buffer.baseAddress, buffer.count, &count)
        return result == 1 ? .bytes(count) : progress(result)
    }

    /// Something has been received that `open` has not looked at; to ask costs less than to try.
    public var hasMore: Bool { unsafe port.raw.pointee.received_count > 0 || SSL_has_pending(raw) == 1 }

    /// Seals bytes; they lie in the port then. False if that is not possible any more.
    public func seal(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes.count == 0 { return true }
        ERR_clear_error()
        var count = 0
        return unsafe SSL_write_ex(raw, bytes.baseAddress, bytes.count, &count) == 1 && count == bytes.count
    }

    /// Says that nothing more comes from us.
    public func end() {
        guard isOpen else { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(raw)
        ERR_clear_error()
    }

    private func progress(_ result: CInt) -> Progress {
        defer { ERR_clear_error() }
        switch unsafe SSL_get_error(raw, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMore
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed(failure())
        }
    }

    private func failure() -> TLSFailure {
        let verified = unsafe SSL_get_verify_result(raw)
        let error = ERR_peek_last_error()
        if verified != CLong(X509_V_OK), headgate_error_reason(error) == SSL_R_CERTIFICATE_VERIFY_FAILED {
            return unsafe .untrusted(String(cString: X509_verify_cert_error_string(verified)))
        }
        guard let text = unsafe ERR_reason_error_string(error) else { return .refused("the connection was cut") }
        return unsafe .refused(String(cString: text))
    }
}

extension TLSChannel {
    /// "TLSv1.3/TLS_AES_256_GCM_SHA384", for people; empty before the handshake is over.
    public var summary: String {
        guard isOpen, let cipher = unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(raw)) else { return "" }
        return unsafe String(cString: SSL_get_version(raw)) + "/" + String(cString: cipher)
    }

    /// Whether the peer has agreed by ALPN on what it speaks.
    public var hasProtocolName: Bool {
        var name: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        unsafe SSL_get0_alpn_selected(raw, &name, &count)
        return count > 0
    }

    /// The peer's certificate in DER; nil if it showed none.
    public var peerCertificate: [UInt8]? {
        guard let certificate = unsafe SSL_get0_peer_certificate(raw) else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_X509(certificate, &bytes)
        guard count > 0, let start = unsafe bytes else { return nil }
        defer { unsafe CRYPTO_free(start, nil, 0) }
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    /// Whether the peer showed a certificate, which then has been checked.
    public var hasPeerCertificate: Bool { unsafe SSL_get0_peer_certificate(raw) != nil }

    /// The common name in the peer's certificate; nil if it showed none, or if that has a NUL in it (CVE-2009-2408).
    public var peerCommonName: String? {
        guard let certificate = unsafe SSL_get0_peer_certificate(raw) else { return nil }
        let subject = unsafe X509_get_subject_name(certificate)
        let at = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard at >= 0, let text = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)) else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&bytes, text)
        guard count >= 0, let start = unsafe bytes else { return nil }
        defer { unsafe CRYPTO_free(start, nil, 0) }
        let name = unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
        return name.contains(0) ? nil : String(validating: name, as: UTF8.self)
    }

    /// The subject of the peer's certificate in the form of RFC 2253, `CN=checkout,O=Shop`; nil if it showed none, or
    /// if that is not plain text of reasonable length.
    public var peerSubject: String? {
        guard let certificate = unsafe SSL_get0_peer_certificate(raw), let sink = unsafe BIO_new(BIO_s_mem()) else {
            return nil
        }
        defer { unsafe BIO_free(sink) }
        guard unsafe headgate_print_subject(sink, certificate) >= 0 else { return nil }
        var text = [UInt8](repeating: 0, count: 4096)
        let count = unsafe text.withUnsafeMutableBytes { unsafe BIO_read(sink, $0.baseAddress, CInt($0.count)) }
        guard count >= 0, count < text.count else { return nil }
        let subject = text.prefix(Int(count))
        return subject.contains(0) ? nil : String(validating: subject, as: UTF8.self)
    }
}
