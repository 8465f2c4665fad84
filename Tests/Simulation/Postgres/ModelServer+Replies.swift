import ByteKit
import PostgresWire

/// What is answered.
extension ModelServer {
    func warning(_ sqlstate: String, _ message: String) {
        PostgresError(.warning, sqlstate, message).write(to: &out)
    }

    func rowDescription(_ columns: [String]) {
        let mark = out.begin(BackendTag.rowDescription)
        out.i16(Int16(columns.count))
        for column in columns {
            out.cString(column)
            out.u32(0)
            out.i16(0)
            out.u32(25)
            out.i16(-1)
            out.i32(-1)
            out.i16(0)
        }
        out.end(mark)
    }

    func dataRow(_ row: [String?]) {
        let mark = out.begin(BackendTag.dataRow)
        out.i16(Int16(row.count))
        for value in row {
            guard let value else {
                out.i32(-1)
                continue
            }
            out.u32(UInt32(value.utf8.count))
            out.text(value)
        }
        out.end(mark)
    }

    func complete(_ statement: ModelStatement, _ rows: Int?) {
        if let endedAs {
            self.endedAs = nil
            return out.commandComplete(endedAs)
        }
        switch statement {
        case .literal, .parameter, .series, .divideByZero, .sleep, .lock, .unlock, .setConfig, .probe,
            .sessionSettings, .unknownColumn:
            out.commandComplete("SELECT \(rows ?? 0)")
        case .show: out.commandComplete("SHOW")
        case .set: out.commandComplete("SET")
        case .reset, .resetAll: out.commandComplete("RESET")
        case .discardAll: out.commandComplete("DISCARD ALL")
        case .begin: out.commandComplete("BEGIN")
        case .commit: out.commandComplete("COMMIT")
        case .rollback, .rollbackTo: out.commandComplete("ROLLBACK")
        case .savepoint: out.commandComplete("SAVEPOINT")
        case .release: out.commandComplete("RELEASE")
        case .createTemp: out.commandComplete("CREATE TABLE")
        case .drop: out.commandComplete("DROP TABLE")
        case .copyIn: break
        case .copyOut: out.commandComplete("COPY 2")
        case .prepare: out.commandComplete("PREPARE")
        case .execute: out.commandComplete("SELECT \(rows ?? 0)")
        case .deallocate: out.commandComplete("DEALLOCATE")
        case .deallocateAll: out.commandComplete("DEALLOCATE ALL")
        }
    }
}
