extension ConfigurationCheck {
    /// Reads the HBA and ident files, each pair once, and checks whether listeners can do what they ask.
    mutating func checkAccess() {
        checkUnusedIdentFiles()
        for (index, listener) in configuration.listeners.enumerated() {
            let table = root["listen"]?[index]
            guard let files = configuration.accessFiles(of: listener) else {
                if (listener.authType ?? configuration.general.authType) == .certificate {
                    needsAuthority("auth_type \"cert\"", listener, table)
                }
                continue
            }
            if configuration.accessRules[files] == nil {
                let (rules, problems) = AccessRules.read(
                    files, named: place("hba_file", "auth_hba_file", table),
                    identNamed: place("ident_file", "auth_ident_file", table), environment: environment)
                log.take(problems)
                configuration.accessRules[files] = rules
            }
            checkCertificates(configuration.accessRules[files], listener, table)
        }
    }

    /// Where a file is named: at the listener or in `[headgate]`.
    private func place(_ key: String, _ general: String, _ table: TOMLNode?) -> FilePlace {
        FilePlace(file: log.file, position: table?[key]?.position ?? position(["headgate", general]))
    }

    private mutating func checkUnusedIdentFiles() {
        let general = configuration.general
        for (index, listener) in configuration.listeners.enumerated()
        where listener.identFile != nil && configuration.accessFiles(of: listener) == nil {
            log.warning(
                root["listen"]?[index]?["ident_file"]?.position ?? .start, "ident_file has no effect",
                "only rules use its maps", "write hba_file as well, or remove it")
        }
        if general.authIdentFile != nil,
            configuration.listeners.allSatisfy({ configuration.accessFiles(of: $0) == nil })
        {
            log.warning(
                position(["headgate", "auth_ident_file"]), "auth_ident_file has no effect", "only rules use its maps",
                "write auth_hba_file as well, or remove it")
        }
    }

    /// Rules that look at certificates need an authority to check them by.
    private mutating func checkCertificates(_ rules: AccessRules?, _ listener: ListenSettings, _ table: TOMLNode?) {
        guard listener.tls.mode != .disable, let rule = rules?.rules.first(where: { $0.clientCertificate != .none })
        else { return }
        needsAuthority("the rule in \(rule.place)", listener, table)
    }

    private mutating func needsAuthority(_ who: String, _ listener: ListenSettings, _ table: TOMLNode?) {
        guard listener.tls.mode == .disable || listener.tls.authorityFile == nil else { return }
        log.error(
            table?["tls"]?.position ?? table?.position ?? .start, "the listener has no tls_ca",
            "\(who) wants a certificate of clients, which is checked against it",
            "write tls_ca = \"/etc/headgate/tls/ca.pem\"")
    }
}
