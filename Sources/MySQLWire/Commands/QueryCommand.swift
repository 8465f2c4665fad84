import ByteKit

/// COM_QUERY, with its query attributes where the client sends any (protocol documentation, "COM_QUERY"). Ranges are
/// offsets into the payload.
public struct QueryCommand: Equatable, Sendable {
    /// The query attributes, with the counts before them: what lies between the command byte and the text. Empty if
    /// `queryAttributes` was not agreed on.
    public let attributes: Range<Int>
    /// How many attributes there are.
    public let attributeCount: Int
    /// Where the text starts; it goes to the end of the payload.
    public let text: Int

    /// More attributes than the server takes.
    public static let mostAttributes = 65_535

    /// Reads the head of a payload. With attributes, they must be there whole; the text need not.
    public init(parsing payload: RawSpan, _ capabilities: MySQLCapabilities) throws(MySQLWireError) {
        guard payload.byteCount >= 1 else { throw .truncated(.query) }
        guard capabilities.contains(.queryAttributes) else {
            attributes = 1..<1
            attributeCount = 0
            text = 1
            return
        }
        var cursor = ByteCursor(payload)
        guard cursor.take(1) != nil, let declared = cursor.lengthEncoded(), cursor.lengthEncoded() != nil else {
            throw .truncated(.query)
        }
        guard let count = Int(exactly: declared), count <= Self.mostAttributes else { throw .excessive(.query) }
        if count > 0 {
            let parameters = try BoundParameters(
                at: cursor.offset, of: payload, count: count, named: true, packet: .query)
            guard parameters.bindsTypes else { throw .malformed(.query) }
            let end = try parameters.endOfValues(in: payload, packet: .query) { _ in false }
            guard cursor.take(end &- cursor.offset) != nil else { throw .truncated(.query) }
        }
        attributes = 1..<cursor.offset
        attributeCount = count
        text = cursor.offset
    }
}

/// NULL bitmap, types and values, as COM_QUERY and COM_STMT_EXECUTE have them. Ranges are offsets into the payload.
public struct BoundParameters: Equatable, Sendable {
    /// How many there are.
    public let count: Int
    /// One bit each.
    public let nullBitmap: Range<Int>
    /// Types are given; else those of the execution before hold.
    public let bindsTypes: Bool
    /// Two bytes each, type and flags, and a length-encoded name behind them if they are `named`.
    public let types: Range<Int>
    /// Whether names stand between the types.
    public let named: Bool
    /// Where the values start.
    public let values: Int

    init(
        at offset: Int, of payload: RawSpan, count: Int, named: Bool, packet: MySQLPacketName
    ) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.take(offset) != nil, let nulls = cursor.take((count &+ 7) >> 3), let flag = cursor.u8() else {
            throw .truncated(packet)
        }
        guard flag <= 1 else { throw .malformed(packet) }
        let start = cursor.offset
        if flag == 1 {
            if named {
                for _ in 0..<count {
                    guard cursor.take(2) != nil, cursor.lengthEncodedBytes() != nil else { throw .truncated(packet) }
                }
            } else if cursor.take(2 &* count) == nil {
                throw .truncated(packet)
            }
        }
        self.count = count
        nullBitmap = nulls
        bindsTypes = flag == 1
        types = start..<cursor.offset
        self.named = named
        values = cursor.offset
    }

    /// Calls `body` with the type and the flags of each parameter; nothing if no types are given.
    public func forEachType(in payload: RawSpan, _ body: (_ index: Int, _ type: UInt8, _ flags: UInt8) -> Void) {
        guard bindsTypes, types.upperBound <= payload.byteCount else { return }
        var at = types.lowerBound
        for index in 0..<count {
            guard at &+ 2 <= types.upperBound else { return }
            body(index, payload.u8(at: at), payload.u8(at: at &+ 1))
            at &+= 2
            guard named else { continue }
            guard let name = payload.lengthEncoded(at: at), let length = Int(exactly: name.value),
                types.upperBound &- name.end >= length
            else { return }
            at = name.end &+ length
        }
    }

    /// Where the values end, found by walking them by their types. `isElsewhere` names parameters whose value came
    /// with COM_STMT_SEND_LONG_DATA.
    func endOfValues(
        in payload: RawSpan, packet: MySQLPacketName, isElsewhere: (Int) -> Bool
    ) throws(MySQLWireError) -> Int {
        var at: Int? = values
        forEachType(in: payload) { index, type, _ in
            guard let from = at, !payload.isNull(index, in: nullBitmap), !isElsewhere(index) else { return }
            at = payload.endOfValue(type, at: from)
        }
        guard let at else { throw .truncated(packet) }
        return at
    }
}
