import ByteKit

/// Walks the values of a row whose payload is there whole; nil stands for NULL.
public enum MySQLRow {
    /// A row of the text protocol (protocol documentation, "Text Resultset Row").
    public static func text(
        _ payload: RawSpan, columns: Int, _ body: (_ column: Int, _ value: Range<Int>?) -> Void
    ) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        for column in 0..<max(columns, 0) {
            if cursor.next == 0xFB {
                _ = cursor.u8()
                body(column, nil)
            } else if let value = cursor.lengthEncodedBytes() {
                body(column, value)
            } else {
                throw .truncated(.row)
            }
        }
        guard cursor.remaining == 0 else { throw .malformed(.row) }
    }

    /// A row of the binary protocol (protocol documentation, "Binary Protocol Resultset Row"); a value is in the bytes of
    /// its layout, length bytes included.
    public static func binary(
        _ payload: RawSpan, types: [UInt8], _ body: (_ column: Int, _ value: Range<Int>?) -> Void
    ) throws(MySQLWireError) {
        guard payload.byteCount >= 1 else { throw .truncated(.row) }
        guard payload.u8(at: 0) == 0 else { throw .malformed(.row) }
        let bitmap = 1..<(1 &+ (types.count &+ 9) >> 3)
        guard bitmap.upperBound <= payload.byteCount else { throw .truncated(.row) }
        var at = bitmap.upperBound
        for (column, type) in types.enumerated() {
            // The first two bits are not used.
            if payload.isNull(column &+ 2, in: bitmap) {
                body(column, nil)
                continue
            }
            guard let end = payload.endOfValue(type, at: at) else { throw .truncated(.row) }
            body(column, at..<end)
            at = end
        }
        guard at == payload.byteCount else { throw .malformed(.row) }
    }
}
