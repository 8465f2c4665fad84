import MySQLWire
import SQLText

/// What a statement leaves behind for the next one to ask for (`ROW_COUNT()`, `FOUND_ROWS()`, `@@warning_count`).
struct MySQLNumbers {
    private(set) var rowCount: Int64 = 0
    private(set) var foundRows: UInt64 = 0
    private(set) var warnings: UInt64 = 0
    private(set) var errors: UInt64 = 0
    /// The number of the error the statement ended with, else 0.
    private(set) var errorCode: UInt16 = 0
    /// `LAST_INSERT_ID()`, as last heard: servers that have a newer one for the client owe it.
    var lastInsertID: UInt64 = 0

    /// Takes what the reply to a command says.
    mutating func note(_ summary: ReplySummary, _ command: MySQLCommand, readsDiagnostics: Bool, isMariaDB: Bool) {
        switch command {
        case .query, .execute, .bulkExecute: break
        case .ping:
            if isMariaDB { rowCount = 0 }
            return
        default: return
        }
        errorCode = summary.errorCode
        if !readsDiagnostics || summary.errorCode != 0 {
            errors = summary.errorCode == 0 ? 0 : 1
            warnings = UInt64(summary.warnings) &+ errors
        }
        if summary.errorCode != 0 {
            rowCount = -1
            return
        }
        if summary.columns > 0 {
            rowCount = -1
            foundRows = summary.rows
        } else {
            rowCount = Int64(clamping: summary.affectedRows)
        }
    }
}
