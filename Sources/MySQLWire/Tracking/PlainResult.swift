public import ByteKit

/// A result set that lies whole in what was received and tells of nothing but its rows: what nearly every small query is
/// answered with. One pass over its headers takes the place of following it packet by packet.
///
/// Only of servers that agreed on `deprecateEOF`: definitions end with nothing, rows with an OK packet.
public struct PlainResult {
    /// Definitions, of which there is at least one.
    public let columns: Int
    /// Rows.
    public let rows: UInt64
    /// The warnings of the OK packet.
    public let warnings: UInt16
    /// The status of the OK packet: nothing follows, nothing has changed.
    public let status: MySQLStatus
    /// Where the first packet behind the definitions begins.
    public let rowsStart: Int
    /// Where the OK packet begins.
    public let okStart: Int
    /// Behind the OK packet.
    public let end: Int

    /// What makes a result set less than plain.
    private static let unusual: MySQLStatus = [
        .moreResults, .sessionStateChanged, .cursorExists, .lastRowSent, .outParameters,
    ]

    /// The result set that begins at `start` with its head; nil if it is not plain, or not all there.
    public init?(in bytes: RawSpan, at start: Int) {
        let count = bytes.byteCount
        // A body of one byte, the first packet of a reply.
        guard start >= 0, count &- start > 16, bytes.le32(at: start) == 0x0100_0001 else { return nil }
        let columns = Int(bytes.u8(at: start &+ 4))
        guard columns > 0, columns < 0xFB else { return nil }
        var at = start &+ 5
        for _ in 0..<columns {
            guard case .header(_, let body, let end) = scanPacket(bytes, at: at), end < count, end > body,
                end &- body < MySQLPacket.longestBody, bytes.u8(at: body) < 0xFE
            else { return nil }
            at = end
        }
        rowsStart = at
        var rows: UInt64 = 0
        while case .header(_, let body, let end) = scanPacket(bytes, at: at), end <= count, end > body,
            end &- body < MySQLPacket.longestBody
        {
            if bytes.u8(at: body) < 0xFE {
                rows &+= 1
                at = end
                continue
            }
            // 0xFE, no rows affected, no id, and no text behind.
            guard end &- body == 7, bytes.u8(at: body) == 0xFE, bytes.le16(at: body &+ 1) == 0 else { return nil }
            status = MySQLStatus(rawValue: bytes.le16(at: body &+ 3))
            guard status.isDisjoint(with: Self.unusual) else { return nil }
            warnings = bytes.le16(at: body &+ 5)
            self.columns = columns
            self.rows = rows
            okStart = at
            self.end = end
            return
        }
        return nil
    }
}

extension ReplyTracker {
    /// The reply has not begun, and may be a result set.
    public var mayBeginResult: Bool {
        state == .result && summary.results == 0 && capabilities.contains(.deprecateEOF)
    }

    /// The whole reply came, and was this: only while `mayBeginResult`.
    public mutating func passed(_ result: PlainResult) {
        summary.columns = result.columns
        summary.endsWithRows = true
        summary.rows = result.rows
        summary.status = result.status
        summary.warnings = result.warnings
        summary.hadWarnings = result.warnings != 0
        summary.results = 1
        state = .complete
    }
}

extension ByteWriter {
    /// Appends a plain result set as a client that did not agree on `deprecateEOF` reads it: `before` is the status the
    /// EOF packet behind the definitions tells.
    public mutating func write(_ result: PlainResult, from bytes: RawSpan, at start: Int, before: MySQLStatus) {
        span(bytes.extracting(start..<result.rowsStart))
        // Of one byte the sequence ids are, so they may wrap.
        var sequence = UInt8(truncatingIfNeeded: result.columns &+ 2)
        shortEOF(sequence, 0, before)
        var mark = count
        span(bytes.extracting(result.rowsStart..<result.okStart))
        var at = result.rowsStart
        while case .header(_, _, let end) = scanPacket(bytes, at: at), end <= result.okStart {
            sequence &+= 1
            patch8(mark &+ 3, sequence)
            mark &+= end &- at
            at = end
        }
        shortEOF(sequence &+ 1, result.warnings, result.status)
    }

    private mutating func shortEOF(_ sequence: UInt8, _ warnings: UInt16, _ status: MySQLStatus) {
        packetHeader(length: 5, sequence: sequence)
        u8(0xFE)
        le32(UInt32(warnings) | UInt32(status.rawValue) << 16)
    }
}
