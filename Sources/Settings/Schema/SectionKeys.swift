/// When a changed setting takes effect.
public enum Changeability: String, Sendable, Hashable {
    /// At once, on reload.
    case live
    /// When the process starts again.
    case restart
}

/// One setting of a section: everything that is known about it, in one place. Decoding, suggestions, `SHOW CONFIG`,
/// comparison of configurations and the manual are all made of these.
struct SettingKey<Section: Sendable & Equatable>: Sendable {
    let name: String
    /// What it does, for the manual.
    let summary: String
    /// What values it takes, with the article.
    let expects: String
    let change: Changeability
    let isRequired: Bool
    /// A value that fits, in TOML.
    let example: String
    /// Its default in TOML, if that is something.
    let usual: String?
    /// Whether it is never shown.
    let isSecret: Bool
    let decode: @Sendable (Field, inout Section, inout ProblemLog) -> Bool
    let literal: @Sendable (Section) -> String
    let show: @Sendable (Section) -> String
    let isSame: @Sendable (Section, Section) -> Bool
    /// Whether a value differs from "absent".
    let isSet: @Sendable (Section) -> Bool
}

/// All settings of a section, in the order of the manual.
struct SectionKeys<Section: Sendable & Equatable>: Sendable {
    /// The section with nothing written in it: what is here is the default of every key.
    let blank: @Sendable () -> Section
    private(set) var keys: [SettingKey<Section>] = []

    init(_ blank: @escaping @Sendable () -> Section, _ build: (inout SectionKeys) -> Void) {
        self.blank = blank
        build(&self)
    }

    /// The key `name`, or nil.
    subscript(name: String) -> SettingKey<Section>? { keys.first { $0.name == name } }

    /// Adds a key whose value is at `path`.
    mutating func key<Value>(
        _ name: String, _ path: any WritableKeyPath<Section, Value> & Sendable, _ type: ValueType<Value>,
        change: Changeability = .live, required: Bool = false, secret: Bool = false, _ summary: String
    ) {
        let usual = type.literal(blank()[keyPath: path])
        let isNothing = ["", "0", "\"0\"", "\"0s\"", "\"\"", "[]", "{  }"].contains(usual)
        let key = SettingKey<Section>(
            name: name, summary: summary, expects: type.expects, change: change, isRequired: required,
            example: type.example, usual: isNothing || required ? nil : usual, isSecret: secret,
            decode: { field, section, log in
                guard let value = type.decode(field, &log) else { return false }
                section[keyPath: path] = value
                return true
            },
            literal: { type.literal($0[keyPath: path]) }, show: { type.show($0[keyPath: path]) },
            isSame: { $0[keyPath: path] == $1[keyPath: path] },
            isSet: { !type.literal($0[keyPath: path]).isEmpty })
        keys.append(key)
    }

    /// Adds a key that may be absent.
    mutating func optional<Value>(
        _ name: String, _ path: any WritableKeyPath<Section, Value?> & Sendable, _ type: ValueType<Value>,
        change: Changeability = .live, secret: Bool = false, _ summary: String
    ) {
        key(name, path, type.optional, change: change, secret: secret, summary)
    }

    /// Adds all keys of a part of this section.
    mutating func include<Part>(_ other: SectionKeys<Part>, at path: any WritableKeyPath<Section, Part> & Sendable) {
        for key in other.keys {
            let lifted = SettingKey<Section>(
                name: key.name, summary: key.summary, expects: key.expects, change: key.change,
                isRequired: key.isRequired, example: key.example, usual: key.usual, isSecret: key.isSecret,
                decode: { field, section, log in key.decode(field, &section[keyPath: path], &log) },
                literal: { key.literal($0[keyPath: path]) }, show: { key.show($0[keyPath: path]) },
                isSame: { key.isSame($0[keyPath: path], $1[keyPath: path]) },
                isSet: { key.isSet($0[keyPath: path]) })
            keys.append(lifted)
        }
    }

    /// Reads a table into `section`, telling every problem; whether there was none. `title` names the table in
    /// messages.
    @discardableResult
    func decode(_ table: TOMLNode, title: String, into section: inout Section, _ log: inout ProblemLog) -> Bool {
        guard case .table(let entries) = table.value else { return false }
        var isGood = true
        for entry in entries {
            if let key = self[entry.key] {
                let field = Field(key: entry.key, node: entry.node, usual: key.usual)
                if !key.decode(field, &section, &log) { isGood = false }
            } else {
                isGood = false
                unknown(entry, in: title, &log)
            }
        }
        for key in keys where key.isRequired && table.entry(key.name) == nil {
            isGood = false
            log.error(
                table.position, "\(title) has no \(key.name)", "it needs \(key.expects)",
                "write \(key.name) = \(key.example)")
        }
        return isGood
    }

    private func unknown(_ entry: TOMLEntry, in title: String, _ log: inout ProblemLog) {
        let what = "unknown key \(quoted(entry.key)) in \(title)"
        if let home = SettingReference.home(of: entry.key) {
            log.error(entry.position, what, "it is a setting of \(home)", "write it below \(home)")
        } else {
            log.error(
                entry.position, what, "there is no such setting",
                Suggestion.phrase(for: entry.key, among: keys.lazy.map(\.name), otherwise: "remove it"))
        }
    }
}
