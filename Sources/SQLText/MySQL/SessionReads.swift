internal import ByteKit

/// A place where a MySQL statement asks for a number of the statement before it, or for the id of its connection.
public struct SessionRead: Sendable, Equatable {
    /// What is asked for.
    public enum Kind: UInt8, Sendable {
        /// `LAST_INSERT_ID()`, `@@identity`, `@@last_insert_id`.
        case lastInsertID
        /// `ROW_COUNT()`
        case rowCount
        /// `FOUND_ROWS()`
        case foundRows
        /// `@@warning_count`: warnings, errors and notes together.
        case warningCount
        /// `@@error_count`
        case errorCount
        /// `CONNECTION_ID()`, `@@pseudo_thread_id`.
        case connectionID
    }

    /// What is asked for.
    public let kind: Kind
    /// The call or the variable, in the text.
    public let range: Range<Int>
    /// It is a variable: of those the servers say that they may be NULL.
    let isVariable: Bool
}

/// A number to be put in place of a read, with the type the server would give it.
public enum SessionReadValue: Sendable, Equatable {
    case unsigned(UInt64)
    /// `ROW_COUNT()` is -1 for what has no rows.
    case signed(Int64)
    /// `CONNECTION_ID()` of MariaDB is an INT.
    case short(UInt32)
    /// `FOUND_ROWS()` of MySQL, which warns of it.
    case foundRows(Int64)
    /// The server knows it: the read stays where it is.
    case kept
}

/// All such places of one statement, outside of strings and comments.
///
/// What a statement in front of it in the same text does is not known: of the second statement of a text, only
/// `connectionID` can be replaced.
public struct SessionReads: Sendable, Equatable {
    /// A column of a statement that is nothing but such reads.
    public struct Column: Sendable, Equatable {
        /// What is asked for.
        public let kind: SessionRead.Kind
        /// The name of the column in the result, in the session's character set.
        public let name: [UInt8]
    }

    /// The places in the order of the text.
    public let list: [SessionRead]
    /// The statement is a `SELECT` of these columns and of nothing else, so that it can be answered without the server;
    /// else empty.
    public let columns: [Column]
    /// `LAST_INSERT_ID(expr)` is there as well: it decides what `lastInsertID` is from now on, so neither is replaced.
    public let setsLastInsertID: Bool
    /// Columns that get their name from their text, by where they end, with that text: replacing something in them must
    /// not change it.
    let unnamed: [Range<Int>]
    /// It cannot be told how a column gets its name, or the statement only stores what is to run later.
    let isUncertain: Bool

    /// The text with values in place of the reads; nil if `value` has none for one of them, or where a column's name
    /// would change.
    ///
    /// Each becomes an expression of the type the function has, since drivers map `5` and `LAST_INSERT_ID()` to different
    /// types: length, sign, and whether it may be NULL. Columns keep their names.
    public func replacing(
        in text: RawSpan, _ value: (SessionRead.Kind) -> SessionReadValue?
    ) -> [UInt8]? {
        guard !isUncertain, !list.isEmpty else { return nil }
        if setsLastInsertID, list.contains(where: { $0.kind == .lastInsertID }) { return nil }
        guard list.contains(where: { value($0.kind) != .kept }) else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.byteCount &+ 64)
        var at = 0
        var names = unnamed[...]
        func copy(to end: Int) -> Bool {
            guard at <= end, end <= text.byteCount else { return false }
            unsafe text.extracting(at..<end).withUnsafeBytes { unsafe out.append(contentsOf: $0) }
            at = end
            return true
        }
        func name(before place: Int) -> Bool {
            while let item = names.first, item.upperBound <= place {
                guard copy(to: item.upperBound) else { return false }
                out.append(contentsOf: " AS ".utf8)
                SQLValue.appendQuotedName(text.extracting(item), to: &out)
                names.removeFirst()
            }
            return true
        }
        for read in list {
            guard let value = value(read.kind), name(before: read.range.lowerBound), copy(to: read.range.lowerBound)
            else { return nil }
            guard let made = Self.expression(of: value, isVariable: read.isVariable) else {
                guard copy(to: read.range.upperBound) else { return nil }
                continue
            }
            out.append(contentsOf: made.utf8)
            at = read.range.upperBound
        }
        guard name(before: text.byteCount), copy(to: text.byteCount) else { return nil }
        return out
    }

    private static func expression(of value: SessionReadValue, isVariable: Bool) -> String? {
        switch value {
        case .unsigned(let number) where isVariable: "IF(1,(\(number)|0),NULL)"
        case .short(let number) where isVariable: "IF(1,(\(number)|0),NULL)"
        case .unsigned(let number): "(\(number)|0)"
        case .signed(let number): "CAST(\(number)|0 AS SIGNED)"
        case .short(let number):
            // Its length is that of the literal.
            "CAST(" + String(repeating: "0", count: 10 &- "\(number)".utf8.count) + "\(number) AS UNSIGNED)"
        case .kept: nil
        case .foundRows(let number): "IF(0,FOUND_ROWS(),CAST(\(number)|0 AS SIGNED))"
        }
    }
}
