import MySQLWire

/// What statements do.
extension MySQLModel {
    /// Runs a statement, or looks only whether it can be; answers its columns.
    @discardableResult
    func run(_ statement: String, runs: Bool) throws(MySQLError) -> [String] {
        var text = MySQLModelText(statement)
        let first = text.take()
        switch first.text {
        case "select": return try select(&text, runs)
        case "do":
            _ = try expression(&text, runs: runs)
            if runs { ok() }
        case "set": try set(&text, runs)
        case "show": return show(&text, runs)
        case "use":
            guard let name = text.name() else { throw syntax(text) }
            if runs {
                try use(name)
                ok()
            }
        case "begin", "start":
            if !runs { return [] }
            session.isInTransaction = true
            ok()
        case "commit", "rollback":
            if !runs { return [] }
            session.isInTransaction = false
            ok()
        case "insert": try insert(&text, runs)
        case "update": try update(&text, runs)
        case "create": try create(&text, runs)
        case "drop": try drop(&text, runs)
        case "signal": try signal(text)
        default: throw syntax(text)
        }
        return []
    }

    private func select(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) -> [String] {
        // What it reads from decides first whether it runs at all.
        if let from = text.tokens.firstIndex(where: { $0.kind == .word && $0.text == "from" }) {
            let name = text.tokens[from + 1]
            if name.text != "(" { try table(name.text) }
            usesTables()
            if name.text != "(", runs { touch() }
        }
        var columns: [String] = []
        var row: [String?] = []
        repeat {
            let start = text.next.start
            if text.skip("*") {
                row.append(nil)
            } else {
                row.append(try expression(&text, runs: runs))
            }
            let end = text.passed
            columns.append(text.skip("as") ? text.name() ?? "" : text.source(start, end))
        } while text.skip(",")
        let isEmpty = text.next.text == "from" && text.tokens[text.at + 1].text != "("
        guard text.isAtEnd || text.next.text == "from" else { throw syntax(text) }
        if runs { result(columns, isEmpty ? [] : [row]) }
        return columns
    }

    /// Names a table that is there, or fails.
    private func table(_ name: String) throws(MySQLError) {
        guard name == "t" || session.tables.contains(session.schema + "." + name) else {
            throw MySQLError(1146, "42S02", "Table '\(session.schema).\(name)' doesn't exist")
        }
    }

    /// A table is read or written: without autocommit that begins a transaction.
    private func touch() { if !session.isAutocommit { session.isInTransaction = true } }

    private func show(_ text: inout MySQLModelText, _ runs: Bool) -> [String] {
        if text.skip(words: "warnings") {
            let columns = ["Level", "Code", "Message"]
            let rows = session.conditions.map { [$0.level, String($0.code), $0.message] }
            if runs { result(columns, rows, countsRows: false) }
            return columns
        }
        let columns = ["@@session.warning_count"]
        if runs { result(columns, [[String(session.conditions.count)]]) }
        return columns
    }

    // MARK: SET

    private func set(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) {
        let before = session
        var told: [String] = []
        var isOfUser = false
        do throws(MySQLError) {
            repeat {
                if text.skip("names") {
                    let charset = text.take().text
                    session.setNames(charset, text.skip("collate") ? text.take().text : nil)
                    told += ["character_set_client", "character_set_connection", "character_set_results"]
                    continue
                }
                if text.skip("@"), !text.skip("@") {
                    guard let name = text.name()?.lowercased(), text.skip("=") else { throw syntax(text) }
                    session.userVariables[name] = .some(try expression(&text, runs: runs))
                    isOfUser = true
                    continue
                }
                let isExplicit = text.at > 1 && text.tokens[text.at - 1].text == "@"
                if text.skip("session") { _ = text.skip(".") }
                guard let name = text.name()?.lowercased(), text.skip("=") else { throw syntax(text) }
                try assign(name, &text, runs)
                // What is set as `@@name` is not told of.
                if !isExplicit { told.append(name) }
            } while text.skip(",")
            guard text.isAtEnd else { throw syntax(text) }
        } catch {
            session = before
            throw error
        }
        if !runs {
            session = before
            return
        }
        for name in told { changed(name) }
        if isOfUser { changedState() }
        ok()
    }

    private func assign(_ name: String, _ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) {
        let value: String?
        if text.skip("default") {
            value = nil
        } else if text.next.kind == .word, text.tokens[text.at + 1].text != "(" {
            value = text.take().text
        } else {
            value = try expression(&text, runs: runs)
        }
        if name == "last_insert_id" {
            session.lastInsertID = value.flatMap { UInt64($0) } ?? 0
            return
        }
        guard session.shown(name) != nil || name.hasPrefix("session_track") else {
            throw MySQLError(1193, "HY000", "Unknown system variable '\(name)'")
        }
        let wasAutocommit = session.isAutocommit
        guard session.set(name, value) else {
            throw MySQLError(1231, "42000", "Variable '\(name)' can't be set to the value of '\(value ?? "")'")
        }
        if name == "group_concat_max_len", let said = value, let number = Int(said), number < 4 {
            warn(1292, "Truncated incorrect group_concat_max_len value: '\(said)'")
            _ = session.set(name, "4")
        }
        if !wasAutocommit, session.isAutocommit { session.isInTransaction = false }
    }

    // MARK: Tables

    /// `INSERT INTO t VALUES ('3.7')` makes the id 3007; `INSERT INTO t (id, v) VALUES (5, '3.7')` is given one.
    private func insert(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) {
        guard text.skip("into"), let name = text.name() else { throw syntax(text) }
        try table(name)
        usesTables()
        var isGiven = false
        if text.skip("(") { while !text.skip(")") { isGiven = text.take().text == "id" || isGiven } }
        guard text.skip("values") else { throw syntax(text) }
        var first: UInt64 = 0
        var count: Int64 = 0
        repeat {
            guard text.skip("(") else { throw syntax(text) }
            let id = isGiven ? try expression(&text, runs: runs) : nil
            if isGiven { _ = text.skip(",") }
            let value = try expression(&text, runs: runs) ?? ""
            guard text.skip(")") else { throw syntax(text) }
            if value == "dup" {
                if runs { touch() }
                throw MySQLError(1062, "23000", "Duplicate entry 'dup' for key 'v'")
            }
            let parts = value.split(separator: ".").compactMap { UInt64($0) }
            let made = parts.count == 2 ? parts[0] * 1000 + parts[1] : 1
            if count == 0 { first = id.flatMap { UInt64($0) } ?? made }
            count += 1
        } while text.skip(",")
        guard text.isAtEnd else { throw syntax(text) }
        if !runs { return }
        touch()
        toldID = first
        if !isGiven { session.lastInsertID = first }
        ok(count, info: count > 1 ? "Records: \(count)  Duplicates: 0  Warnings: 0" : "")
    }

    private func update(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) {
        guard let name = text.name(), text.skip("set"), text.name() != nil, text.skip("=") else { throw syntax(text) }
        try table(name)
        usesTables()
        _ = try expression(&text, runs: runs)
        guard text.isAtEnd else { throw syntax(text) }
        if !runs { return }
        touch()
        ok(1, info: "Rows matched: 1  Changed: 1  Warnings: 0")
    }

    private func create(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) {
        guard text.skip(words: "temporary table"), let name = text.name() else { throw syntax(text) }
        usesTables()
        if !runs { return }
        guard session.tables.insert(session.schema + "." + name).inserted else {
            throw MySQLError(1050, "42S01", "Table '\(name)' already exists")
        }
        changedState()
        ok()
    }

    private func drop(_ text: inout MySQLModelText, _ runs: Bool) throws(MySQLError) {
        let isTemporary = text.skip("temporary")
        guard text.skip("table") else { throw syntax(text) }
        let mayMiss = text.skip(words: "if exists")
        guard let name = text.name() else { throw syntax(text) }
        usesTables()
        if !runs { return }
        // DROP TABLE commits, DROP TEMPORARY TABLE does not.
        if !isTemporary { session.isInTransaction = false }
        let whole = session.schema + "." + name
        if session.tables.remove(whole) == nil {
            guard mayMiss else { throw MySQLError(1051, "42S02", "Unknown table '\(whole)'") }
            warn(1051, "Unknown table '\(whole)'", level: "Note")
        }
        ok()
    }

    /// `SIGNAL SQLSTATE '01000' SET MYSQL_ERRNO = 1292, MESSAGE_TEXT = _utf8mb4 0x41`
    private func signal(_ all: MySQLModelText) throws(MySQLError) {
        var text = all
        text.take()
        text.take()
        let state = text.take().text
        guard text.skip(words: "set mysql_errno ="), let code = UInt16(text.take().text), text.skip(","),
            text.skip(words: "message_text =")
        else { throw syntax(text) }
        let message = try expression(&text, runs: true) ?? ""
        usesTables()
        guard state == "01000" else { throw MySQLError(code, state, message) }
        warn(code, message)
        ok()
    }
}
