import ByteKit
import SQLText

/// What CommandComplete says (protocol documentation, "Message Formats"): the command, and how many rows.
struct CommandTag {
    private let rows: UInt64?
    private let kind: Kind

    private enum Kind {
        case read, write, copy, other
        case of(StatementClass)
    }

    /// Reads the body of the message.
    init(_ body: RawSpan) {
        var end = body.byteCount
        while end > 0, body.u8(at: end &- 1) == 0 { end &-= 1 }
        var start = end
        var number: UInt64 = 0
        var factor: UInt64 = 1
        while start > 0, case let digit = body.u8(at: start &- 1) &- 0x30, digit < 10 {
            number = number &+ UInt64(digit) &* factor
            factor = factor &* 10
            start &-= 1
        }
        rows = start < end ? number : nil
        kind = Self.kind(body.extracting(0..<end))
    }

    private static func kind(_ tag: RawSpan) -> Kind {
        guard tag.byteCount >= 2 else { return .other }
        func begins(_ word: StaticString) -> Bool {
            let count = word.utf8CodeUnitCount
            return tag.byteCount >= count && tag.extracting(0..<count).equals(word)
        }
        switch tag.u8(at: 0) {
        case 0x53:  // S
            if begins("SELECT") { return .read }
            if begins("SET") { return .of(.miscSet) }
            if begins("SHOW") { return .of(.read) }
            return begins("SAVEPOINT") || begins("START TRANSACTION") ? .of(.tcl) : .other
        case 0x49: return begins("INSERT") ? .write : begins("IMPORT") ? .of(.ddl) : .other
        case 0x55: return begins("UPDATE") ? .write : .other
        case 0x44:  // D
            if begins("DELETE") { return .write }
            if begins("DROP ROLE") || begins("DROP USER MAPPING") || begins("DROP OWNED") { return .of(.role) }
            if begins("DROP") { return .of(.ddl) }
            return begins("DO") ? .of(.function) : .other
        case 0x4D: return begins("MERGE") ? .write : .other
        case 0x46: return begins("FETCH") ? .read : .other
        case 0x42: return begins("BEGIN") ? .of(.tcl) : .other
        case 0x43:  // C
            if begins("COPY") { return .copy }
            if begins("COMMIT") { return .of(.tcl) }
            if begins("CALL") { return .of(.function) }
            if begins("CREATE ROLE") || begins("CREATE USER MAPPING") { return .of(.role) }
            return begins("CREATE") ? .of(.ddl) : .other
        case 0x52:  // R
            if begins("ROLLBACK") || begins("RELEASE") { return .of(.tcl) }
            if begins("REVOKE") || begins("REASSIGN") { return .of(.role) }
            return begins("RESET") ? .of(.miscSet) : .other
        case 0x41:  // A
            if begins("ALTER ROLE") || begins("ALTER DEFAULT PRIVILEGES") || begins("ALTER USER MAPPING") {
                return .of(.role)
            }
            return begins("ALTER SYSTEM") ? .of(.admin) : begins("ALTER") ? .of(.ddl) : .other
        case 0x47: return begins("GRANT") ? .of(.role) : .other
        case 0x54: return begins("TRUNCATE") ? .of(.write) : .other
        default: return .other
        }
    }

    /// Puts it down.
    func note(on outcome: inout StatementOutcome) {
        let part = outcome.statement.shape.parts[outcome.statement.shape.part(outcome.index)]
        switch kind {
        case .read:
            outcome.returnedRows = rows
            outcome.confirm(.read, part)
        case .write:
            outcome.affectedRows = rows
            outcome.confirm(.write, part)
        case .copy:
            if part.statementClass == .write { outcome.affectedRows = rows } else { outcome.returnedRows = rows }
        case .of(let statementClass): outcome.confirm(statementClass, part)
        case .other: break
        }
    }
}

extension StatementOutcome {
    /// The server's answer says that the statement is of this class. Where the text says more than that, it is believed: a
    /// `WITH` that changes rows is answered as a SELECT.
    mutating func confirm(_ found: StatementClass, _ part: StatementShape.Part) {
        let text = part.statementClass
        guard text != found else { return }
        switch text {
        case .unknown, .misc: serverClass = found
        case .read where found != .miscSet && found != .tcl: serverClass = found
        case .read, .write, .ddl, .role, .tcl, .function, .miscSet, .copy, .admin: break
        }
    }
}
