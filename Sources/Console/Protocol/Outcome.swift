import PostgresWire

/// What came of a command.
enum Outcome: Sendable {
    /// A table.
    case rows([Column], [[String?]], tag: String)
    /// It has been done.
    case done(tag: String)
    /// It has been done, and there is something to say about it.
    case noticed(PostgresError, tag: String)
    /// It could not be done.
    case failed(PostgresError)
}
