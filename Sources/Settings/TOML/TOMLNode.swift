/// Where something stands in a file, both counted from 1.
public struct SourcePosition: Sendable, Hashable, Comparable {
    /// The line.
    public var line: Int
    /// The column, in characters.
    public var column: Int

    /// A position at `line` and `column`.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The first character of a file.
    public static let start = SourcePosition(line: 1, column: 1)

    /// Whether `a` comes before `b` in the file.
    public static func < (a: SourcePosition, b: SourcePosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One value of a TOML file and where it stands.
struct TOMLNode: Sendable {
    enum Value: Sendable {
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        /// A date, a time or both: no setting is one, so only its kind is kept.
        case date
        case array([TOMLNode])
        case table([TOMLEntry])
    }

    var value: Value
    var position: SourcePosition

    /// The value of `key`, if this is a table that has it.
    subscript(key: String) -> TOMLNode? { entry(key)?.node }

    /// The value at `index`, if this is an array that long.
    subscript(index: Int) -> TOMLNode? {
        guard case .array(let elements) = value, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// Key and value of `key`, if this is a table that has it.
    func entry(_ key: String) -> TOMLEntry? {
        guard case .table(let entries) = value else { return nil }
        return entries.first { $0.key == key }
    }

    /// What a user would call it, with its article: "a string".
    var kind: String {
        switch value {
        case .string: "a string"
        case .integer: "a whole number"
        case .float: "a fraction"
        case .boolean: "true or false"
        case .date: "a date"
        case .array: "a list"
        case .table: "a table"
        }
    }
}

/// A key of a table, with its value.
struct TOMLEntry: Sendable {
    var key: String
    var position: SourcePosition
    var node: TOMLNode
}
