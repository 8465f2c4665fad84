/// What drivers and tools say to every PostgreSQL server when they connect, answered well enough for them to go on.
enum DriverTalk {
    /// What `SHOW` says of settings the console does not have.
    static let settings: [String: String] = [
        "client_encoding": "UTF-8", "default_transaction_isolation": "read committed",
        "transaction_isolation": "read committed", "standard_conforming_strings": "on", "datestyle": "ISO",
        "timezone": "GMT", "extra_float_digits": "1", "server_version": Product.serverVersion,
        "server_version_num": "150000", "server_encoding": "UTF8", "search_path": "\"$user\", public",
        "application_name": "", "max_identifier_length": "63", "integer_datetimes": "on", "intervalstyle": "postgres",
        "bytea_output": "hex", "transaction_read_only": "off", "default_transaction_read_only": "off",
        "lc_collate": "C", "lc_ctype": "C",
    ]

    /// Whether `SET key` is about the client's session, of which the console has none.
    static func isSession(_ key: String) -> Bool {
        settings[key] != nil
            || [
                "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "row_security", "names",
                "client_min_messages", "synchronize_seqscans",
            ].contains(key)
    }

    /// `SELECT` of numbers, texts and functions every server has; nil if anything else is in it.
    static func select(_ tokens: ArraySlice<Token>, user: String) -> (columns: [Column], values: [String?])? {
        var columns: [Column] = []
        var values: [String?] = []
        for item in split(tokens) {
            guard let (own, value, type) = answer(item.prefix { $0.name != "as" }, user) else { return nil }
            var name = own
            if let alias = item.firstIndex(where: { $0.name == "as" }) {
                guard item.index(after: alias) < item.endIndex, let given = item[alias + 1].argument else {
                    return nil
                }
                name = given
            }
            columns.append(Column(name, type))
            values.append(value)
        }
        return columns.isEmpty ? nil : (columns, values)
    }

    /// At the commas outside parentheses.
    private static func split(_ tokens: ArraySlice<Token>) -> [ArraySlice<Token>] {
        var items: [ArraySlice<Token>] = []
        var start = tokens.startIndex
        var depth = 0
        for index in tokens.indices {
            switch tokens[index] {
            case .sign("("): depth += 1
            case .sign(")"): depth -= 1
            case .sign(","):
                if depth == 0 {
                    items.append(tokens[start..<index])
                    start = index + 1
                }
            case .word, .string, .sign: break
            }
        }
        items.append(tokens[start...])
        return items
    }

    private static func answer(_ item: ArraySlice<Token>, _ user: String) -> (String, String?, ColumnType)? {
        guard let first = item.first else { return nil }
        if item.count == 1, case .string(let text) = first { return ("?column?", text, .text) }
        guard let name = first.name else { return nil }
        if item.count == 1 {
            if let number = Int32(name) { return ("?column?", String(number), .int4) }
            switch name {
            case "current_user", "session_user", "user": return (name, user, .text)
            case "current_schema": return (name, "public", .text)
            case "null": return ("?column?", nil, .text)
            default: return nil
            }
        }
        let rest = item.dropFirst()
        guard rest.first == .sign("("), rest.last == .sign(")") else { return nil }
        let function = name.hasPrefix("pg_catalog.") ? String(name.dropFirst(11)) : name
        switch function {
        case "version": return ("version", Product.versionText, .text)
        case "current_database": return (function, "headgate", .text)
        case "current_schema": return (function, "public", .text)
        case "pg_backend_pid": return (function, "0", .int4)
        case "pg_is_in_recovery": return (function, "f", .text)
        case "current_setting":
            guard let key = rest.dropFirst().first?.argument, let value = settings[key.lowercased()] else { return nil }
            return (function, value, .text)
        case "set_config":
            let arguments = rest.compactMap(\.argument)
            return arguments.count >= 2 ? (function, arguments[1], .text) : nil
        default: return nil
        }
    }
}
