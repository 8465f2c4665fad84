/// What a decoder cannot see: whether the parts of a configuration fit together and what they name exists.
struct ConfigurationCheck {
    var configuration: Configuration
    let root: TOMLNode
    let environment: SettingsEnvironment
    /// Whether programs that print secrets are run to see if they do.
    let runsCommands: Bool
    var log: ProblemLog

    mutating func run() {
        checkListeners()
        checkClusters()
        checkDatabases()
        checkUsers()
        checkConsole()
        checkApps()
        checkAudit()
        checkDirectory(
            configuration.general.stateDirectory, key: "state_dir", at: ["headgate", "state_dir"],
            why: "the history of the configuration is kept there")
        if !log.hasErrors { checkIdleKeys() }
    }

    /// Where the value at `path` stands; of what is not written, where the nearest table around it does.
    func position(_ path: [String]) -> SourcePosition {
        var node = root
        for key in path {
            guard let next = node[key] else { break }
            node = next
        }
        return node.position
    }

    /// Whether the value at `path` is written in the file.
    func isWritten(_ path: [String]) -> Bool {
        var node: TOMLNode? = root
        for key in path { node = node?[key] }
        return node != nil
    }

    /// A directory the file names, which is written to.
    mutating func checkDirectory(_ path: String, key: String, at place: [String], why: String) {
        guard isWritten(place) else { return }
        let reason: String
        switch environment.facts(path) {
        case .success(let facts):
            if facts.isDirectory, facts.isWritable { return }
            reason = facts.isDirectory ? "it cannot be written by this user" : "it is not a directory"
        case .failure(let failure): reason = failure.reason
        }
        log.error(
            position(place), "\(key) \(quoted(path)) cannot be used: \(reason)", why,
            "make it (install -d -o headgate \(path)) or write another \(key)")
    }

    /// A file that is read; whether it can be.
    @discardableResult
    mutating func checkFile(_ path: String?, key: String, at position: SourcePosition, isSecret: Bool = false) -> Bool {
        guard let path else { return true }
        switch environment.facts(path) {
        case .success(let facts):
            if facts.isDirectory || !facts.isReadable {
                let reason = facts.isDirectory ? "it is a directory" : "Permission denied"
                log.error(
                    position, "\(key) \(quoted(path)) cannot be read: \(reason)", "it is needed to start",
                    "write the path of a file that this user may read")
                return false
            }
            if isSecret, facts.mode & 0o004 != 0 {
                log.warning(
                    position, "\(key) \(quoted(path)) can be read by everybody", "it holds a secret",
                    "write chmod o-r \(path)")
            }
            return true
        case .failure(let failure):
            log.error(
                position, "\(key) \(quoted(path)) cannot be read: \(failure.reason)", "it is needed to start",
                "write the path of a file that is there")
            return false
        }
    }

    /// TLS of a listener (which must have a certificate) or of a cluster (which may).
    mutating func checkTLS(_ tls: TLSSettings, of title: String, in table: TOMLNode?, isServer: Bool) {
        let place = table?.position ?? .start
        func at(_ key: String) -> SourcePosition { table?[key]?.position ?? place }
        checkFile(tls.certificateFile, key: "tls_cert", at: at("tls_cert"))
        checkFile(tls.keyFile, key: "tls_key", at: at("tls_key"), isSecret: true)
        checkFile(tls.authorityFile, key: "tls_ca", at: at("tls_ca"))
        if tls.certificateFile != nil, tls.keyFile == nil, table?["tls_key"] == nil {
            log.error(
                at("tls_cert"), "\(title) has tls_cert without tls_key", "one is useless without the other",
                "write tls_key = \"/etc/headgate/tls/key.pem\"")
        }
        if tls.keyFile != nil, tls.certificateFile == nil, table?["tls_cert"] == nil {
            log.error(
                at("tls_key"), "\(title) has tls_key without tls_cert", "one is useless without the other",
                "write tls_cert = \"/etc/headgate/tls/cert.pem\"")
        }
        let mode = quoted(tls.mode.rawValue)
        let hasNeither = tls.certificateFile == nil && tls.keyFile == nil
        if isServer, tls.mode != .disable, hasNeither, table?["tls_cert"] == nil {
            log.error(
                at("tls"), "tls is \(mode) without tls_cert and tls_key",
                "clients are shown a certificate", "write tls_cert and tls_key, or tls = \"disable\"")
        }
        switch tls.mode {
        case .verifyCA, .verifyFull:
            if tls.authorityFile == nil, table?["tls_ca"] == nil {
                log.error(
                    at("tls"), "tls is \(mode) without tls_ca", "certificates are checked against it",
                    "write tls_ca = \"/etc/headgate/tls/ca.pem\"")
            }
        case .disable, .prefer, .require: break
        }
        if !log.hasErrors, environment.readsCertificates { checkMaterial(tls, at) }
    }

    /// What the files hold, and whether they belong together.
    private mutating func checkMaterial(_ tls: TLSSettings, _ at: (String) -> SourcePosition) {
        do throws(TLSFiles.Problem) {
            _ = try TLSFiles(tls, environment).material()
        } catch {
            let keys = ["tls_cert": tls.certificateFile, "tls_key": tls.keyFile, "tls_ca": tls.authorityFile]
            let key = keys.first { $0.value == error.path }?.key ?? "tls_cert"
            log.error(
                at(key), "\(key) is of no use", "\(quoted(error.path)): \(error.reason)",
                "mend the file or name another")
        }
    }
}
