import ByteKit

/// One change a server tells of in an OK packet (protocol documentation, "Session State Information"). Ranges are offsets
/// into the bytes read.
public enum SessionChange: Equatable, Sendable {
    /// A variable and its new value, as `session_track_system_variables` has it.
    case variable(name: Range<Int>, value: Range<Int>)
    /// The default database.
    case schema(Range<Int>)
    /// `session_track_state_change`: something changed that could be lost with the session.
    case stateChanged(Bool)
    /// The GTIDs of what was written (`session_track_gtids`).
    case gtids(Range<Int>)
    /// The statements that begin the transaction as it is, empty for none.
    case transactionCharacteristics(Range<Int>)
    /// Eight letters: `T` in an explicit transaction, `I` an implicit one, `_` none; then `r R w W s S L`.
    case transactionState(Range<Int>)
    /// Of a type that is not known here.
    case other(UInt8, Range<Int>)
}

/// Walks the session state of an OK packet. The bytes are handed to each call, so that it can be stored anywhere.
public struct SessionChanges: Equatable, Sendable {
    private var offset = 0
    /// Inside a block of variables, of which MariaDB puts several into one: its end.
    private var blockEnd = 0

    /// At the first change.
    public init() {}

    /// The next change; nil behind the last.
    public mutating func next(in bytes: RawSpan) throws(MySQLWireError) -> SessionChange? {
        guard offset < bytes.byteCount else { return nil }
        var cursor = ByteCursor(bytes)
        guard cursor.take(offset) != nil else { throw .malformed(.sessionState) }
        if offset < blockEnd { return try variable(&cursor, end: blockEnd) }
        guard let type = cursor.u8(), let block = cursor.lengthEncodedBytes() else { throw .truncated(.sessionState) }
        offset = block.upperBound
        var inner = ByteCursor(bytes.extracting(0..<block.upperBound))
        guard inner.take(block.lowerBound) != nil else { throw .malformed(.sessionState) }
        switch type {
        case 0:
            blockEnd = block.upperBound
            return try variable(&inner, end: block.upperBound)
        case 1: return .schema(try text(&inner))
        case 2:
            // The digit as it is, without a length of its own.
            return .stateChanged(block.count == 1 && bytes.u8(at: block.lowerBound) == UInt8(ascii: "1"))
        case 3:
            // One byte for how they are written, of which there is one way.
            guard inner.u8() != nil else { throw .truncated(.sessionState) }
            return .gtids(try text(&inner))
        case 4: return .transactionCharacteristics(try text(&inner))
        case 5: return .transactionState(try text(&inner))
        default: return .other(type, block)
        }
    }

    private mutating func variable(_ cursor: inout ByteCursor, end: Int) throws(MySQLWireError) -> SessionChange {
        guard let name = cursor.lengthEncodedBytes(), let value = cursor.lengthEncodedBytes(), value.upperBound <= end
        else { throw .truncated(.sessionState) }
        offset = value.upperBound
        return .variable(name: name, value: value)
    }

    private func text(_ cursor: inout ByteCursor) throws(MySQLWireError) -> Range<Int> {
        guard let range = cursor.lengthEncodedBytes() else { throw .truncated(.sessionState) }
        return range
    }
}
