/// How much a line of the log matters.
public enum LogLevel: UInt8, Comparable, Sendable, CaseIterable {
    /// For whoever is looking for a fault in Headgate itself.
    case debug = 0
    /// What an operator likes to see.
    case info = 1
    /// Something an operator should look at.
    case warn = 2
    /// Something does not work.
    case error = 3
    /// The process cannot go on.
    case fatal = 4

    /// Its name in configuration and in the log.
    public var name: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warn: "warn"
        case .error: "error"
        case .fatal: "fatal"
        }
    }

    /// The level of that name; nil for any other text.
    public init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name.description == name }) else { return nil }
        self = level
    }

    /// Less important first.
    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}
