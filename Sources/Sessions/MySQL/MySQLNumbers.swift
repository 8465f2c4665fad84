import MySQLWire
import SQLText

/// What a statement leaves behind for the next one to ask for (`ROW_COUNT()`, `FOUND_ROWS()`, `@@warning_count`).
struct MySQLNumbers {
    var rowCount: Int64 = 0
    var foundRows: UInt64 = 0
    private(set) var warnings: UInt64 = 0
    private(set) var errors: UInt64 = 0
    /// How well it is known how many warnings and errors there are.
    enum Certainty {
        case exact
        /// An error does not tell how many warnings come with it.
        case atLeast
        /// Only the server knows.
        case unknown
    }
    var certainty = Certainty.exact
    /// MySQL: warnings and errors since the last statement began, which commands that are no statements tell of.
    private(set) var recent: UInt16 = 0
    /// The number of the error the statement ended with, else 0.
    private(set) var errorCode: UInt16 = 0
    /// `LAST_INSERT_ID()`, as last heard: servers that have a newer one for the client owe it.
    var lastInsertID: UInt64 = 0

    /// There are warnings or errors to be asked for.
    var hasConditions: Bool { warnings != 0 || errors != 0 }

    /// The command before was answered by us, and no server knows of it.
    var isOurs = false

    /// A statement gave so many rows, and neither error nor warning, where there were none before: `hasConditions` is false.
    mutating func noteResult(rows: UInt64) {
        isOurs = false
        errorCode = 0
        recent = 0
        rowCount = -1
        foundRows = rows
    }

    /// Takes what the reply to a command says. A statement that leaves the diagnostics of the one before as they are
    /// (`keepsDiagnostics`) counts none of its own; GET DIAGNOSTICS counts no rows either.
    mutating func note(
        _ summary: ReplySummary, _ command: MySQLCommand, keepsDiagnostics: Bool, keepsRowCount: Bool, isMariaDB: Bool
    ) {
        if command != .prepare && !keepsRowCount || summary.errorCode != 0 { isOurs = false }
        if summary.errorCode != 0 {
            return failed(
                summary.errorCode, warnings: summary.warnings, isAdded: !isMariaDB && command == .initDatabase)
        }
        switch command {
        case .query, .execute, .bulkExecute: break
        case .prepare where !isMariaDB:
            recent = summary.warnings
            (errors, warnings) = (0, UInt64(summary.warnings))
            certainty = .exact
            return
        case .ping, .initDatabase: return pinged()
        case .resetStatement:
            if isMariaDB { pinged() }
            recent = 0
            return
        case .fieldList, .fetch:
            if isMariaDB { rowCount = -1 }
            if command == .fieldList { recent = summary.warnings }
            return
        default: return
        }
        errorCode = 0
        recent = summary.warnings
        if !keepsDiagnostics {
            errors = 0
            warnings = UInt64(summary.warnings)
            certainty = .exact
        }
        if !keepsRowCount { rowCount = summary.endsWithRows ? -1 : Int64(clamping: summary.affectedRows) }
    }

    /// A command was answered with an error. MySQL adds those of commands that are no statements to what was there.
    mutating func failed(_ code: UInt16, warnings count: UInt16 = 0, isAdded: Bool = false) {
        errorCode = code
        if !isAdded { certainty = .atLeast }
        errors = (isAdded ? errors : 0) &+ 1
        warnings = (isAdded ? warnings : UInt64(count)) &+ 1
        // Looking for a prepared statement begins anew.
        recent = (isAdded && code != 1243 && code != 1421 ? recent : count) &+ 1
        rowCount = -1
    }

    /// COM_PING, and others that have an OK packet and are no statements.
    mutating func pinged() { rowCount = 0 }

    /// SHOW WARNINGS was answered.
    mutating func answeredWarnings(isMariaDB: Bool) {
        recent = 0
        if isMariaDB { rowCount = -1 }
    }

    /// So many rows of SHOW WARNINGS there were.
    mutating func counted(rows: Int, errors count: Int) {
        switch certainty {
        case .exact: return
        case .atLeast: (warnings, errors) = (max(warnings, UInt64(rows)), max(errors, UInt64(count)))
        case .unknown: (warnings, errors) = (UInt64(rows), UInt64(count))
        }
        certainty = .exact
    }

    /// There is one warning more.
    mutating func warned() { warnings &+= 1 }

    /// There are no messages any more.
    mutating func clearedDiagnostics() { (warnings, errors, recent) = (0, 0, 0) }
}
