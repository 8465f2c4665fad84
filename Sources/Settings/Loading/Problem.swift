/// Something wrong, or doubtful, in a configuration file.
public struct Problem: Sendable, Hashable, Error {
    /// Whether the configuration can be used all the same.
    public enum Severity: String, Sendable, Hashable {
        /// It cannot be used.
        case error
        /// It can, but probably not as intended.
        case warning
    }

    /// The file as it was named.
    public var file: String
    /// Where in the file.
    public var position: SourcePosition
    /// How bad it is.
    public var severity: Severity
    /// What, why, and what to write instead, in this order with commas between.
    public var message: String

    /// A problem at a place of a file.
    public init(file: String, position: SourcePosition, severity: Severity, message: String) {
        self.file = file
        self.position = position
        self.severity = severity
        self.message = message
    }

    /// The line, counted from 1.
    public var line: Int { position.line }
    /// The column in characters, counted from 1.
    public var column: Int { position.column }
}

extension Problem: CustomStringConvertible {
    /// `FILE:LINE:COLUMN: error: what, why, and what to write instead`.
    public var description: String { "\(file):\(line):\(column): \(severity.rawValue): \(message)" }
}

/// Collects what a decoder or check finds, so that one run tells everything.
struct ProblemLog {
    let file: String
    private(set) var problems: [Problem] = []

    init(file: String) { self.file = file }

    var hasErrors: Bool { problems.contains { $0.severity == .error } }

    /// What, why, and what to write instead; an empty part is left out.
    mutating func error(_ position: SourcePosition, _ what: String, _ why: String = "", _ instead: String = "") {
        add(.error, position, [what, why, instead])
    }

    /// As `error`, for what can be used all the same.
    mutating func warning(_ position: SourcePosition, _ what: String, _ why: String = "", _ instead: String = "") {
        add(.warning, position, [what, why, instead])
    }

    private mutating func add(_ severity: Problem.Severity, _ position: SourcePosition, _ parts: [String]) {
        let message = parts.filter { !$0.isEmpty }.joined(separator: ", ")
        problems.append(Problem(file: file, position: position, severity: severity, message: message))
    }

    /// Takes what was found in other files.
    mutating func take(_ others: [Problem]) { problems += others }

    /// All problems in the order of the file; those of other files behind them.
    var sorted: [Problem] {
        var order = [file: 0]
        for problem in problems where order[problem.file] == nil { order[problem.file] = order.count }
        return problems.enumerated().sorted { one, other in
            (order[one.element.file] ?? 0, one.element.position, one.offset)
                < (order[other.element.file] ?? 0, other.element.position, other.offset)
        }.map(\.element)
    }
}
