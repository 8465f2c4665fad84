import COpenSSL
public import Credentials

/// What one side of TLS is, for all connections of a listener or a cluster: what it shows, whom it believes, what it
/// speaks. Never changes; when files or settings do, another takes its place and connections keep theirs.
@safe public final class TLSContext: Sendable {
    /// Owned. OpenSSL counts and locks what connections share, so any thread may make connections of it.
    nonisolated(unsafe) let raw: OpaquePointer
    /// What was loaded, for those who ask what is shown.
    public let material: TLSMaterial
    /// The peer is believed only if its certificate is for the name it was connected by. Clients only.
    let checksName: Bool

    /// Whose certificates are asked for and checked.
    public enum Verification: Sendable, Hashable {
        /// Nobody's.
        case none
        /// A certificate that is shown must be signed by an authority; it may be left out. Servers only.
        case optional
        /// The peer must show one that an authority has signed.
        case authority
        /// The same, and it must be for the name of the peer. Clients only.
        case name
    }

    /// Mozilla's "intermediate" recommendation, version 5.7.
    private static let ciphers = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
        DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305
        """
    private static let groups = "X25519:prime256v1:secp384r1"

    /// Our side towards clients. With `requiresPostgresName` a client that offers names by ALPN must offer "postgresql"
    /// (RFC 7301). nil if OpenSSL cannot use what it is given.
    public convenience init?(
        server material: TLSMaterial, verification: Verification, isVersion13Only: Bool, requiresPostgresName: Bool
    ) {
        unsafe self.init(TLS_server_method(), material, isVersion13Only, checksName: false)
        let name = Array("headgate".utf8)
        guard unsafe SSL_CTX_set_session_id_context(raw, name, CUnsignedInt(name.count)) == 1 else { return nil }
        switch verification {
        case .none: break
        case .optional: unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        case .authority, .name: unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        if verification != .none {
            guard unsafe material.authorities.allSatisfy({ unsafe SSL_CTX_add_client_CA(raw, $0) == 1 }) else {
                return nil
            }
        }
        if requiresPostgresName { unsafe SSL_CTX_set_alpn_select_cb(raw, selectPostgres, nil) }
    }

    /// Our side towards servers.
    public convenience init?(client material: TLSMaterial, verification: Verification, isVersion13Only: Bool) {
        unsafe self.init(TLS_client_method(), material, isVersion13Only, checksName: verification == .name)
        switch verification {
        case .none, .optional: unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nil)
        case .authority, .name: unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        }
    }

    private init?(_ method: OpaquePointer?, _ material: TLSMaterial, _ isVersion13Only: Bool, checksName: Bool) {
        defer { ERR_clear_error() }
        guard let context = unsafe SSL_CTX_new(method) else { return nil }
        // From here on `deinit` frees it.
        unsafe raw = context
        self.material = material
        self.checksName = checksName
        unsafe headgate_tls_set_modes(context)
        guard unsafe headgate_tls_set_versions(context, isVersion13Only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1,
            unsafe SSL_CTX_set_cipher_list(context, Self.ciphers) == 1,
            unsafe headgate_tls_set_groups(context, Self.groups) == 1
        else { return nil }
        if let own = unsafe material.chain.first, let key = unsafe material.key {
            guard unsafe SSL_CTX_use_certificate(context, own) == 1, unsafe SSL_CTX_use_PrivateKey(context, key) == 1
            else { return nil }
            let rest = unsafe material.chain.dropFirst()
            guard unsafe rest.allSatisfy({ unsafe headgate_tls_add_chain(context, $0) == 1 }) else { return nil }
        }
        let store = unsafe SSL_CTX_get_cert_store(context)
        guard unsafe material.authorities.allSatisfy({ unsafe X509_STORE_add_cert(store, $0) == 1 }) else { return nil }
    }

    deinit { unsafe SSL_CTX_free(raw) }
}

/// ALPN of PostgreSQL's protocol (protocol documentation, "SSL Session Encryption").
private let postgresName: StaticString = "postgresql"

private func selectPostgres(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ length: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?, _ count: CUnsignedInt, _: UnsafeMutableRawPointer?
) -> CInt {
    guard let chosen = unsafe chosen, let length = unsafe length, let offered = unsafe offered else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    let names = unsafe UnsafeBufferPointer(start: offered, count: Int(count))
    let wanted = unsafe UnsafeBufferPointer(start: postgresName.utf8Start, count: postgresName.utf8CodeUnitCount)
    var at = 0
    while at < names.count {
        let size = unsafe Int(names[at])
        guard at &+ 1 &+ size <= names.count else { break }
        if unsafe names[(at &+ 1)..<(at &+ 1 &+ size)].elementsEqual(wanted) {
            unsafe chosen.pointee = wanted.baseAddress
            unsafe length.pointee = UInt8(truncatingIfNeeded: wanted.count)
            return SSL_TLSEXT_ERR_OK
        }
        at &+= 1 &+ size
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
