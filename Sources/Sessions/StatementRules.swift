import ByteKit
import MySQLWire
import PostgresWire
import SQLText

/// What the application of a client allows, checked where its statements are read. One object for all its clients of a
/// worker: whoever changes it changes it for all.
public final class StatementRules {
    /// What the application is called.
    public var app = ""
    /// A statement may be sent only with a permit (`mayStart` of the session).
    public var needsPermit = false
    /// How many bytes the text of a statement may have; 0 is no limit.
    public var longest = 0
    /// How many rows a statement may answer with; 0 is no limit.
    public var mostRows = 0
    /// How many bytes a statement may answer with; 0 is no limit.
    public var mostBytes = 0
    /// Only what certainly reads is sent.
    public var isReadOnly = false
    /// How many statements were refused by them.
    public var refused: UInt64 = 0

    /// Nothing is checked.
    public init() {}

    /// Whether nothing is checked.
    public var isEmpty: Bool { !needsPermit && longest == 0 && !limitsResults && !isReadOnly }

    /// Whether answers are counted.
    var limitsResults: Bool { mostRows > 0 || mostBytes > 0 }

    /// Whether so many rows of so many bytes are too much.
    @inline(__always)
    func isTooMuch(_ answer: AnswerSize) -> Bool {
        mostRows > 0 && answer.rows > mostRows || mostBytes > 0 && answer.bytes > mostBytes
    }

    /// Whether a text of so many bytes is too long.
    func isTooLong(_ count: Int) -> Bool { longest > 0 && count > longest }
}

extension StatementRules {
    /// Counts what is refused; the error for it.
    func refuse(_ breach: RuleBreach) -> PostgresError {
        refused &+= 1
        return breach.postgres
    }

    /// The same for MySQL.
    func refuse(mysql breach: RuleBreach) -> MySQLError {
        refused &+= 1
        return breach.mysql
    }
}

/// How much of an answer has come.
struct AnswerSize {
    var rows = 0
    var bytes = 0

    /// One more row.
    @inline(__always)
    mutating func add(_ count: Int) {
        rows &+= 1
        bytes &+= count
    }
}

/// Why a statement is refused, for people.
struct RuleBreach {
    enum Kind { case limit, write }

    let kind: Kind
    let message: String
    let hint: String

    static func text(_ rules: StatementRules, _ count: Int) -> RuleBreach {
        limit(rules, "the statement has \(count) bytes", "max_statement_bytes", rules.longest)
    }

    static func answer(_ rules: StatementRules, _ size: AnswerSize) -> RuleBreach {
        rules.mostRows > 0 && size.rows > rules.mostRows
            ? limit(
                rules, "the statement answers with more than \(rules.mostRows) rows", "max_result_rows", rules.mostRows)
            : limit(
                rules, "the statement answers with more than \(rules.mostBytes) bytes", "max_result_bytes",
                rules.mostBytes)
    }

    static func write(_ rules: StatementRules) -> RuleBreach {
        RuleBreach(
            kind: .write, message: "app \"\(rules.app)\" may only read (read_only)",
            hint: "What is not certain to read counts as a write, functions of your own too. "
                + "Connect as another application, or set read_only = false.")
    }

    private static func limit(_ rules: StatementRules, _ use: String, _ key: String, _ most: Int) -> RuleBreach {
        RuleBreach(
            kind: .limit, message: "\(use), \(key) of app \"\(rules.app)\" is \(most)",
            hint: "Ask for less, or raise \(key) of [[app]] \"\(rules.app)\".")
    }

    var postgres: PostgresError { PostgresError(.error, kind == .write ? "25006" : "53400", message, hint: hint) }

    var mysql: MySQLError {
        MySQLError(kind == .write ? 1792 : 1226, kind == .write ? "25006" : "42000", "\(message). \(hint)")
    }
}

extension StatementEntry {
    /// Whether it may run where only reading is allowed: nothing in it may write, or end that it only reads.
    var onlyReadsForCertain: Bool {
        if facts.flags.contains(.unparsed) { return false }
        return facts.statements.allSatisfy { statement in
            switch statement.kind {
            // What it runs was looked at when it was prepared.
            case .execute: true
            case .begin, .set, .setTransaction:
                !statement.writes && !endsReading(statement.range)
            default:
                !statement.writes && !statement.effects.contains(where: Self.mayEndReading)
                    && (!statement.functions.contains { $0.hasSuffix("set_config") } || !mentionsReading(statement))
            }
        }
    }

    private static func mayEndReading(_ effect: SessionEffect) -> Bool {
        switch effect {
        case .set(let name, _), .setComputed(let name), .setLocal(let name): name.contains("read_only")
        default: false
        }
    }

    /// Whether a `set_config` may be about it, or about what cannot be told.
    private func mentionsReading(_ statement: Statement) -> Bool {
        if statement.effects.contains(.mayCreate(.unknown)) { return true }
        return withText { text in
            guard statement.range.upperBound <= text.byteCount else { return true }
            let words = String(decoding: text.extracting(statement.range).toArray(), as: UTF8.self).lowercased()
            return words.contains("read_only") || words.contains("||")
        }
    }

    /// `READ WRITE`, or any value but "on" for a setting that has to do with it.
    private func endsReading(_ range: Range<Int>) -> Bool {
        withText { text in
            guard range.lowerBound >= 0, range.upperBound <= text.byteCount else { return true }
            let statement = text.extracting(range).toArray().map { $0 | 0x20 }
            let words = statement.split { !(0x61...0x7A).contains($0) && !(0x30...0x39).contains($0) && $0 != 0x7F }
            // An underscore has become DEL by what makes letters small.
            let names = words.map { String(decoding: $0.map { $0 == 0x7F ? 0x5F : $0 }, as: UTF8.self) }
            if names.contains("write") { return true }
            guard names.contains(where: { $0.contains("read_only") }) else { return false }
            return !["on", "true", "1", "yes"].contains(names.last ?? "")
        }
    }
}
