/// The classes of statements of an audit trail: pgaudit's, with `TCL` and `ADMIN` beside them, and `UNKNOWN` for what is
/// not understood.
public enum StatementClass: UInt8, Sendable, CaseIterable {
    /// `SELECT`, `COPY … TO`, `SHOW`, `FETCH`.
    case read
    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `TRUNCATE`, `COPY … FROM`, `LOAD DATA`.
    case write
    /// What creates, alters or drops, roles apart.
    case ddl
    /// Roles, users and what they may do.
    case role
    /// Beginning, ending and marking transactions.
    case tcl
    /// `CALL`, `DO`, FunctionCall.
    case function
    /// `DISCARD`, `VACUUM`, `LISTEN`, `PREPARE` and what is of no other class.
    case misc
    /// `SET` and `RESET`.
    case miscSet
    /// Data in bulk that no statement names: replication, the binary log.
    case copy
    /// What changes the server for everybody: `ALTER SYSTEM`, `SET GLOBAL`, `KILL`, `FLUSH`.
    case admin
    /// Not understood.
    case unknown

    /// What it is called in records and in the configuration.
    public var name: StaticString {
        switch self {
        case .read: "READ"
        case .write: "WRITE"
        case .ddl: "DDL"
        case .role: "ROLE"
        case .tcl: "TCL"
        case .function: "FUNCTION"
        case .misc: "MISC"
        case .miscSet: "MISC_SET"
        case .copy: "COPY"
        case .admin: "ADMIN"
        case .unknown: "UNKNOWN"
        }
    }
}

/// Several classes at once.
public struct StatementClasses: OptionSet, Sendable, Hashable {
    /// A bit for each class, by its number.
    public let rawValue: UInt16
    /// The classes of these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// One class.
    public init(_ single: StatementClass) { rawValue = 1 << UInt16(single.rawValue) }
}
