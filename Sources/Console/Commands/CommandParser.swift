import PostgresWire
import Proxy

/// Reads one statement. Words mean the same in upper and lower case.
struct CommandParser {
    let tokens: [Token]
    /// The whole statement, for messages.
    let text: String
    let user: String

    /// Every statement in `text`, or why it cannot be read.
    static func parse(_ text: String, user: String) -> Result<[Command], PostgresError> {
        guard let statements = tokenize(text) else { return .failure(invalid(text)) }
        var commands: [Command] = []
        for tokens in statements {
            switch CommandParser(tokens: tokens, text: text, user: user).command() {
            case .success(let command): commands.append(command)
            case .failure(let error): return .failure(error)
            }
        }
        return .success(commands)
    }

    private static func invalid(_ text: String) -> PostgresError {
        let short = text.count > 200 ? text.prefix(200) + "…" : text[...]
        return PostgresError(.error, "08P01", "invalid command '\(short)', use SHOW HELP;")
    }

    /// The word at `index` in lower case; empty if there is none.
    private func word(_ index: Int) -> String { tokens.indices.contains(index) ? tokens[index].name ?? "" : "" }

    private func argument(_ index: Int) -> String? { tokens.indices.contains(index) ? tokens[index].argument : nil }

    private var bad: Result<Command, PostgresError> { .failure(Self.invalid(text)) }

    private func command() -> Result<Command, PostgresError> {
        switch word(0) {
        case "show": return show()
        case "select": return select()
        case "set": return set()
        case "begin", "start":
            return .success(
                .transaction(tag: word(0) == "begin" ? "BEGIN" : "START TRANSACTION", status: .inTransaction))
        case "commit", "end": return .success(.transaction(tag: "COMMIT", status: .idle))
        case "rollback", "abort": return .success(.transaction(tag: "ROLLBACK", status: .idle))
        case "deallocate", "discard", "reset", "unlisten", "listen":
            let all = word(1) == "all" && ["deallocate", "discard"].contains(word(0))
            return .success(.ignore(tag: word(0).uppercased() + (all ? " ALL" : ""), notice: nil))
        default: return administrative()
        }
    }

    private func administrative() -> Result<Command, PostgresError> {
        guard tokens.count <= 2, tokens.count == 1 || argument(1) != nil else { return bad }
        let database = argument(1)
        let scope = database.map { PoolScope.database($0) } ?? .all
        switch (word(0), database) {
        case ("pause", _): return .success(.pause(scope))
        case ("resume", _): return .success(.resume(scope))
        case ("reconnect", _): return .success(.reconnect(scope))
        case ("kill", _): return .success(.kill(scope))
        case ("wait_close", _): return .success(.waitClose(scope))
        case ("disable", let name?): return .success(.disable(name))
        case ("enable", let name?): return .success(.enable(name))
        case ("disable", nil), ("enable", nil):
            return .failure(PostgresError(.error, "08P01", "a database is required"))
        case ("kill_client", let id?): return .success(.killClient(id))
        case ("kill_client", nil): return .failure(PostgresError(.error, "08P01", "a client pointer is required"))
        case ("reload", nil): return .success(.reload)
        case ("suspend", nil): return .success(.suspend)
        case ("shutdown", nil): return .success(.shutdown(.immediate))
        case ("shutdown", _?):
            switch word(1) {
            case "wait_for_servers": return .success(.shutdown(.waitForServers))
            case "wait_for_clients": return .success(.shutdown(.waitForClients))
            default: return bad
            }
        case ("reload", _?), ("suspend", _?): return .failure(PostgresError(.error, "08P01", "bad arguments"))
        default: return bad
        }
    }

    // MARK: SHOW

    private func show() -> Result<Command, PostgresError> {
        var name = word(1)
        if name == "help", tokens.count == 2 { return .success(.help) }
        if name == "transaction", word(2) == "isolation", word(3) == "level", tokens.count == 4 {
            name = "transaction_isolation"
        } else if tokens.count == 1 {
            return .success(.help)
        } else if tokens.count != 2 {
            return bad
        }
        return table(name)
    }

    private func table(_ name: String) -> Result<Command, PostgresError> {
        if ShowTables.all[name] != nil { return .success(.show(name)) }
        if let value = DriverTalk.settings[name] { return .success(.answer([Column(name, .text)], [value])) }
        return bad
    }

    // MARK: SELECT

    private func select() -> Result<Command, PostgresError> {
        if tokens.count == 4, tokens[1] == .sign("*"), word(2) == "from" { return table(word(3)) }
        if tokens.count == 2, ShowTables.all[word(1)] != nil { return table(word(1)) }
        guard let (columns, values) = DriverTalk.select(tokens.dropFirst(), user: user) else { return bad }
        return .success(.answer(columns, values))
    }

    // MARK: SET

    private func set() -> Result<Command, PostgresError> {
        var index = 1
        if ["session", "local"].contains(word(index)), !isAssignment(index + 1) { index += 1 }
        if ["characteristics", "transaction", "names", "role", "time", "authorization"].contains(word(index)),
            !isAssignment(index + 1)
        {
            return .success(.ignore(tag: "SET", notice: "SET ignored"))
        }
        guard let key = tokens.indices.contains(index) ? tokens[index].name : nil, isAssignment(index + 1) else {
            return bad
        }
        let values = tokens[(index + 2)...].compactMap { token in
            if case .sign(let sign) = token { return sign == "," ? nil : String(sign) }
            return token.argument
        }
        guard !values.isEmpty else { return bad }
        if DriverTalk.isSession(key) { return .success(.ignore(tag: "SET", notice: "SET ignored")) }
        return .success(.set(key: key, value: values.joined(separator: ",")))
    }

    private func isAssignment(_ index: Int) -> Bool {
        guard tokens.indices.contains(index), tokens.indices.contains(index + 1) else { return false }
        return tokens[index] == .sign("=") || word(index) == "to"
    }
}
