/// Whether and how one side speaks TLS.
public struct TLSSettings: Sendable, Hashable {
    /// Whether it is used and what is verified.
    public var mode = TLSMode.disable
    /// The certificate we show, PEM.
    public var certificateFile: String?
    /// Its private key, PEM.
    public var keyFile: String?
    /// The authorities that may have signed the peer's certificate, PEM.
    public var authorityFile: String?
    /// The oldest version spoken.
    public var minimumVersion = TLSVersion.v1_2

    /// TLS in `mode` and nothing more.
    public init(mode: TLSMode = .disable) { self.mode = mode }
}

extension TLSSettings {
    static let keys = SectionKeys({ TLSSettings() }) { k in
        k.key("tls", \.mode, .choice, "Whether TLS is used and what is verified, in libpq's words.")
        k.optional(
            "tls_cert", \.certificateFile, .path(example: "/etc/headgate/tls/cert.pem"), "The certificate shown, PEM.")
        k.optional("tls_key", \.keyFile, .path(example: "/etc/headgate/tls/key.pem"), "Its private key, PEM.")
        k.optional(
            "tls_ca", \.authorityFile, .path(example: "/etc/headgate/tls/ca.pem"),
            "The authorities that may have signed the peer's certificate, PEM.")
        k.key("tls_min_version", \.minimumVersion, .choice, "The oldest version of TLS spoken.")
    }
}
