/// The types the console's columns have, with their PostgreSQL OIDs.
public enum ColumnType: UInt32, Sendable {
    /// A 64-bit integer.
    case int8 = 20
    /// A 32-bit integer.
    case int4 = 23
    /// Text; times too, to the second.
    case text = 25
    /// A number of any size.
    case numeric = 1700

    /// What RowDescription says of its size.
    var size: Int16 {
        switch self {
        case .int8: 8
        case .int4: 4
        case .text, .numeric: -1
        }
    }
}

/// A column's name and type.
public struct Column: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// Its type.
    public let type: ColumnType

    /// A column.
    public init(_ name: String, _ type: ColumnType) {
        self.name = name
        self.type = type
    }
}

/// A table of the console: its columns, known without running anything, and its rows, made of what the workers told.
/// A value is text or NULL.
struct ShowTable: Sendable {
    let columns: [Column]
    /// Whether administrators alone may see it.
    let needsAdmin: Bool
    let rows: @Sendable (Facts) -> [[String?]]

    /// A table with one row for each item: what a column shows of an item is said where the column is.
    init<Item>(
        needsAdmin: Bool = false, of items: @escaping @Sendable (Facts) -> [Item], _ columns: [ItemColumn<Item>]
    ) {
        self.columns = columns.map(\.column)
        self.needsAdmin = needsAdmin
        let values = columns.map(\.value)
        rows = { facts in items(facts).map { item in values.map { $0(item) } } }
    }
}

/// A column with what it shows of an item.
struct ItemColumn<Item>: Sendable {
    let column: Column
    let value: @Sendable (Item) -> String?

    static func text(_ name: String, _ value: @escaping @Sendable (Item) -> String?) -> ItemColumn {
        ItemColumn(column: Column(name, .text), value: value)
    }

    static func int4(_ name: String, _ value: @escaping @Sendable (Item) -> Int) -> ItemColumn {
        ItemColumn(column: Column(name, .int4)) { String(value($0)) }
    }

    static func int8(_ name: String, _ value: @escaping @Sendable (Item) -> Int64) -> ItemColumn {
        ItemColumn(column: Column(name, .int8)) { String(value($0)) }
    }

    static func numeric(_ name: String, _ value: @escaping @Sendable (Item) -> UInt64) -> ItemColumn {
        ItemColumn(column: Column(name, .numeric)) { String(value($0)) }
    }

    private init(column: Column, value: @escaping @Sendable (Item) -> String?) {
        self.column = column
        self.value = value
    }
}
