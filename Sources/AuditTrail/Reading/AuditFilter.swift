/// Which records `headgate audit cat` shows: those that fit everything that is asked for.
public struct AuditFilter: Sendable, Equatable {
    /// RFC 3339, or the beginning of it; records from then on, and before then.
    public var since: String?
    public var until: String?
    public var user: String?
    public var app: String?
    public var statementClass: String?
    /// `table` or `schema.table`.
    public var table: String?
    public var fingerprint: String?
    public var outcome: String?
    /// An address, or the beginning of one that ends in a dot or colon.
    public var client: String?
    /// `event.action`, or the beginning of one that ends in a dot.
    public var action: String?
    /// Checkpoints, headers and heartbeats too.
    public var showsOwn = false

    public init() {}

    /// The options that take a value, by name.
    public static let options: [String: any WritableKeyPath<AuditFilter, String?> & Sendable] = [
        "--since": \.since, "--until": \.until, "--user": \.user, "--app": \.app, "--class": \.statementClass,
        "--table": \.table, "--fingerprint": \.fingerprint, "--outcome": \.outcome, "--client": \.client,
        "--action": \.action,
    ]

    /// Whether everything is shown, so that no line need be looked into.
    var isEverything: Bool {
        var blank = AuditFilter()
        blank.showsOwn = true
        return self == blank
    }

    private static let own: Set<String> = [
        "audit.checkpoint", "audit.heartbeat", "audit.segment.start", "audit.segment.end",
    ]

    func fits(_ record: JSONValue) -> Bool {
        let name = record["event.action"]?.text ?? ""
        if !showsOwn, action == nil, Self.own.contains(name) { return false }
        if let action, !fits(action, name, separators: ".") { return false }
        let time = record["@timestamp"]?.text ?? ""
        if let since, time < since { return false }
        if let until, !(time < until) { return false }
        if let user, record["user.name"]?.text != user, record["user.effective.name"]?.text != user { return false }
        if let app, record["service.name"]?.text != app { return false }
        if let statementClass, record["headgate.statement.class"]?.text?.lowercased() != statementClass.lowercased() {
            return false
        }
        if let fingerprint, record["headgate.statement.fingerprint"]?.text != fingerprint.lowercased() { return false }
        if let outcome, ![record["headgate.outcome"]?.text, record["event.outcome"]?.text].contains(outcome) {
            return false
        }
        if let client, !fits(client, record["source.ip"]?.text ?? "unix", separators: ".:") { return false }
        if let table, !names(table, record) { return false }
        return true
    }

    private func fits(_ wanted: String, _ found: String, separators: String) -> Bool {
        if let last = wanted.last, separators.contains(last) { return found.hasPrefix(wanted) }
        return found == wanted
    }

    private func names(_ table: String, _ record: JSONValue) -> Bool {
        let wanted = table.lowercased()
        return (record["headgate.objects"]?.list ?? []).contains { object in
            let name = object["name"]?.text?.lowercased() ?? ""
            let schema = object["schema"]?.text?.lowercased() ?? ""
            return name == wanted || (!schema.isEmpty && "\(schema).\(name)" == wanted)
        }
    }
}
