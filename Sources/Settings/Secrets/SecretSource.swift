internal import Credentials

/// Where a secret comes from. Neither printing nor interpolating one shows it.
public enum SecretSource: Sendable, Hashable {
    /// It stands in the file itself.
    case plain(SecretText)
    /// It is the content of a file, less a line end; read again when `timeToLive` has passed, never if that is zero.
    case file(path: String, timeToLive: TimeSpan = .zero)
    /// It is the value of an environment variable.
    case environment(name: String)
    /// It is what a program prints, less a line end; asked again when `timeToLive` has passed, never if that is zero.
    case command(arguments: [String], timeToLive: TimeSpan)
    /// It is a stored verifier (`SCRAM-SHA-256$…`, `md5…`), from which no password can be had.
    case verifier(SecretText)
}

/// Text that cannot be printed by accident.
public struct SecretText: Sendable, Hashable {
    /// The text itself, for those who use it and show it to nobody.
    public let bytes: [UInt8]

    /// A secret with these bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A secret with the bytes of `text`.
    public init(_ text: String) { bytes = Array(text.utf8) }
}

extension SecretText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always the same.
    public var description: String { "<secret>" }
    /// Always the same.
    public var debugDescription: String { "<secret>" }
    /// Empty, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension SecretSource: CustomStringConvertible, CustomDebugStringConvertible {
    /// Where it comes from, not what it is.
    public var description: String {
        switch self {
        case .plain: "<secret>"
        case .file(let path, _): "file \(path)"
        case .environment(let name): "environment variable \(name)"
        case .command(let arguments, _): "command \(arguments.first ?? "")"
        case .verifier: "<verifier>"
        }
    }

    /// As `description`.
    public var debugDescription: String { description }
}

/// The table form of a secret, before it is known which of its keys is meant.
struct SecretTable: Sendable, Hashable {
    var file: String?
    var env: String?
    var command: [String]?
    var ttl = TimeSpan.zero
    var verifier: String?

    static let keys = SectionKeys(SecretTable.init) { k in
        k.optional("file", \.file, .path(example: "/run/secrets/app"), "A file that holds the secret.")
        k.optional(
            "env", \.env, .word("the name of an environment variable", example: "APP_PASSWORD"),
            "An environment variable that holds it.")
        k.optional(
            "command", \.command, .texts("a program and its arguments"),
            "A program that prints it, with its arguments.")
        k.key("ttl", \.ttl, .duration(), "How long what the program printed or the file held is believed.")
        k.optional("verifier", \.verifier, .verifier, secret: true, "A stored verifier.")
    }
}

extension ValueType where Value == String {
    /// A SCRAM or MD5 verifier; messages never show it.
    fileprivate static var verifier: Self {
        let expects = "a verifier as headgate secret prints it, \"SCRAM-SHA-256$…\", \"md5…\", \"*…\" or \"$A$…\""
        let example = "\"SCRAM-SHA-256$…\""
        return ValueType(expects, example: example, literal: { _ in "…" }) { field, log in
            guard case .string(let text) = field.node.value else {
                log.wrongType(field)
                return nil
            }
            if SecretSource.looksLikeVerifier(text) { return text }
            log.error(
                field.node.position, "verifier is of no known kind", "it must be \(expects)",
                "make one with headgate secret scram")
            return nil
        }
    }
}

extension SecretSource {
    /// Whether `text` has the form of a stored verifier of PostgreSQL or MySQL.
    static func looksLikeVerifier(_ text: String) -> Bool {
        if text.hasPrefix("*") || text.hasPrefix("$A$") { return MySQLSecret(parsing: text) != nil }
        if text.hasPrefix("SCRAM-SHA-256$") {
            return text.dropFirst(14).split(separator: "$").count == 2 && text.contains(":")
        }
        return text.hasPrefix("md5") && text.utf8.count == 35
            && text.dropFirst(3).allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
    }
}

extension ValueType where Value == SecretSource {
    /// A secret in any of its forms.
    static var secret: Self {
        let example = "{ file = \"/run/secrets/app\" }"
        let expects = "a secret: { file = \"…\" }, { env = \"…\" }, { command = [\"…\"] } or { verifier = \"…\" }"
        let literal: @Sendable (SecretSource) -> String = { _ in "…" }
        return ValueType(expects, example: example, literal: literal) { field, log in
            switch field.node.value {
            case .string(let text):
                if text.isEmpty {
                    log.misfit(field, "empty")
                    return nil
                }
                let form = SecretSource.looksLikeVerifier(text) ? "{ verifier = \"…\" }" : example
                log.warning(
                    field.node.position, "\(field.key) stands in the file as it is",
                    "whoever reads the file knows it", "write \(field.key) = \(form)")
                return .plain(SecretText(text))
            case .table: return table(field, &log)
            case .integer, .float, .boolean, .date, .array: log.wrongType(field)
            }
            return nil
        }
    }

    private static func table(_ field: Field, _ log: inout ProblemLog) -> SecretSource? {
        var table = SecretTable()
        guard SecretTable.keys.decode(field.node, title: field.key, into: &table, &log) else { return nil }
        var sources: [SecretSource] = []
        if let file = table.file { sources.append(.file(path: file, timeToLive: table.ttl)) }
        if let name = table.env { sources.append(.environment(name: name)) }
        if let arguments = table.command { sources.append(.command(arguments: arguments, timeToLive: table.ttl)) }
        if let verifier = table.verifier { sources.append(.verifier(SecretText(verifier))) }
        guard let source = sources.first, sources.count == 1 else {
            log.error(
                field.node.position, "\(field.key) names \(sources.isEmpty ? "no source" : "several sources")",
                "it must be \(field.expects)", field.write())
            return nil
        }
        switch source {
        case .file: break
        case .command(let arguments, _):
            guard let program = arguments.first, !program.isEmpty else {
                log.error(
                    field.node.position, "\(field.key) has an empty command", "the first element names the program",
                    "write \(field.key) = { command = [\"/usr/bin/program\", \"argument\"], ttl = \"10m\" }")
                return nil
            }
        case .plain, .environment, .verifier:
            if let ttl = field.node.entry("ttl") {
                log.error(
                    ttl.position, "ttl stands without command or file", "nothing else can change while headgate runs",
                    "remove ttl")
                return nil
            }
        }
        return source
    }
}
