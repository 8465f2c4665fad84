/// `[[listen]]`: one place where clients connect.
public struct ListenSettings: Sendable, Hashable {
    /// The protocol spoken there.
    public var protocolKind = ProtocolKind.postgres
    /// Where it is.
    public var address = ListenAddress.tcp(host: "127.0.0.1", port: 6432)
    /// TLS towards clients.
    public var tls = TLSSettings()
    /// Sources whose PROXY header is required and believed; empty is: not spoken.
    public var proxyProtocol: [TrustedSource] = []
    /// Rules in the syntax of `pg_hba.conf`.
    public var hbaFile: String?
    /// Maps of users in the syntax of `pg_ident.conf`, for those rules.
    public var identFile: String?
    /// How clients prove who they are; nil is what `[headgate]` says.
    public var authType: AuthMethod?
    /// The permissions of a unix socket.
    public var unixSocketMode: UInt32 = 0o777

    /// A listener of PostgreSQL on 127.0.0.1:6432.
    public init() {}
}

extension ListenSettings {
    static let keys = SectionKeys(ListenSettings.init) { k in
        k.key("protocol", \.protocolKind, .choice, change: .restart, "The protocol spoken there.")
        k.key("address", \.address, .address(port: 6432), change: .restart, required: true, "Where clients connect.")
        k.include(TLSSettings.keys, at: \.tls)
        k.key(
            "proxy_protocol", \.proxyProtocol,
            ValueType<TrustedSource>.trustedSource.list(of: "blocks of addresses"),
            "Sources whose PROXY v1/v2 header is required and believed (\"unix\" at a unix socket); by default it is not spoken."
        )
        k.optional(
            "hba_file", \.hbaFile, .path(example: "/etc/headgate/hba.conf"),
            "Rules in the syntax of pg_hba.conf, instead of auth_hba_file of [headgate].")
        k.optional(
            "ident_file", \.identFile, .path(example: "/etc/headgate/ident.conf"),
            "Maps of users in the syntax of pg_ident.conf for those rules, instead of auth_ident_file of [headgate].")
        k.optional(
            "auth_type", \.authType, .choice,
            "How clients prove who they are, instead of what [headgate] says; with rules they say it.")
        k.key("unix_socket_mode", \.unixSocketMode, .fileMode, change: .restart, "The permissions of a unix socket.")
    }
}

extension ValueType where Value == UInt32 {
    /// Permissions in octal: `"0770"` or `0o770`.
    static var fileMode: Self {
        let expects = "permissions in octal such as \"0770\""
        let literal: @Sendable (UInt32) -> String = { quoted("0" + String($0, radix: 8)) }
        return ValueType(expects, example: "\"0770\"", literal: literal, show: { "0" + String($0, radix: 8) }) {
            field, log in
            switch field.node.value {
            case .string(let text):
                let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
                if let mode = UInt32(digits, radix: 8), mode <= 0o777 { return mode }
                log.misfit(field, quoted(text))
            case .integer(let number):
                // TOML has octal integers: 0o770 fits, and 770 without the prefix is too large to.
                if (0...0o777).contains(number) { return UInt32(number) }
                log.wrongType(field, instead: "\"0\(number)\"")
            case .float, .boolean, .date, .array, .table: log.wrongType(field)
            }
            return nil
        }
    }
}
