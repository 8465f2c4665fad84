public import ByteKit

/// A command that worked, or the end of a result set where EOF packets are not sent any more (protocol documentation,
/// "OK_Packet"). Texts stay where they are: the ranges are offsets into the payload.
public struct OKPacket: Equatable, Sendable {
    public var affectedRows: UInt64
    public var lastInsertID: UInt64
    public var status: MySQLStatus
    public var warnings: UInt16
    /// What is meant for the user's eyes.
    public var info: Range<Int>
    /// What changed in the session: see `SessionChanges`.
    public var sessionState: Range<Int>

    /// A packet without texts.
    @inlinable @inline(__always)
    public init(
        affectedRows: UInt64 = 0, lastInsertID: UInt64 = 0, status: MySQLStatus, warnings: UInt16 = 0,
        info: Range<Int> = 0..<0, sessionState: Range<Int> = 0..<0
    ) {
        self.affectedRows = affectedRows
        self.lastInsertID = lastInsertID
        self.status = status
        self.warnings = warnings
        self.info = info
        self.sessionState = sessionState
    }

    /// Reads a payload whose first byte is 0x00 or 0xFE. `capabilities` are the ones agreed on with who sent it.
    public init(parsing payload: RawSpan, _ capabilities: MySQLCapabilities) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard let first = cursor.next else { throw .truncated(.ok) }
        guard first == 0x00 || first == 0xFE else { throw .malformed(.ok) }
        guard let numbers = Self.numbers(payload), cursor.take(numbers.info.lowerBound) != nil else {
            throw .truncated(.ok)
        }
        self = numbers
        if capabilities.contains(.sessionTrack) {
            if cursor.remaining > 0 {
                guard let text = cursor.lengthEncodedBytes() else { throw .truncated(.ok) }
                info = text
            }
            if status.contains(.sessionStateChanged), cursor.remaining > 0 {
                guard let state = cursor.lengthEncodedBytes() else { throw .truncated(.ok) }
                sessionState = state
            }
        } else {
            info = cursor.rest()
            // Servers say how long it is in any case, whatever the documentation says.
            if let text = payload.lengthEncoded(at: info.lowerBound),
                UInt64(truncatingIfNeeded: info.upperBound &- text.end) == text.value
            {
                info = text.end..<info.upperBound
            }
        }
    }

    /// The numbers only, for which at most 23 bytes of the payload are looked at; nil when they are not all there.
    /// `info` is empty and lies behind them.
    @inline(__always)
    static func numbers(_ payload: RawSpan) -> OKPacket? {
        guard let affected = payload.lengthEncoded(at: 1), let id = payload.lengthEncoded(at: affected.end),
            payload.byteCount &- id.end >= 4
        else { return nil }
        let end = id.end &+ 4
        return OKPacket(
            affectedRows: affected.value, lastInsertID: id.value,
            status: MySQLStatus(rawValue: payload.le16(at: id.end)), warnings: payload.le16(at: id.end &+ 2),
            info: end..<end, sessionState: end..<end)
    }

    /// Appends the packet's payload for a peer of these capabilities; `source` is what the ranges point into. The session
    /// state goes, with its flag, when the peer does not track it.
    public func write(to out: inout ByteWriter, _ capabilities: MySQLCapabilities, source: RawSpan, asEOF: Bool = false)
    {
        var flags = status
        let tracks = capabilities.contains(.sessionTrack)
        let sends = tracks && !sessionState.isEmpty && sessionState.upperBound <= source.byteCount
        if !sends { flags.remove(.sessionStateChanged) }
        out.u8(asEOF ? 0xFE : 0x00)
        out.lengthEncoded(affectedRows)
        out.lengthEncoded(lastInsertID)
        out.le16(flags.rawValue)
        out.le16(warnings)
        let hasText = !info.isEmpty && info.upperBound <= source.byteCount
        if tracks {
            if hasText { out.lengthEncoded(source.extracting(info)) } else if sends { out.u8(0) }
            if sends { out.lengthEncoded(source.extracting(sessionState)) }
        } else if hasText {
            out.lengthEncoded(source.extracting(info))
        }
    }
}

/// The end of columns or rows (protocol documentation, "EOF_Packet").
public struct EOFPacket: Equatable, Sendable {
    public var warnings: UInt16
    public var status: MySQLStatus

    /// A packet.
    @inlinable @inline(__always)
    public init(warnings: UInt16 = 0, status: MySQLStatus) {
        self.warnings = warnings
        self.status = status
    }

    /// Reads a payload of 5 bytes. Note that OK packets have status and warnings the other way round.
    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        guard payload.byteCount >= 5 else { throw .truncated(.eof) }
        guard payload.u8(at: 0) == 0xFE, payload.byteCount < 9 else { throw .malformed(.eof) }
        self.init(warnings: payload.le16(at: 1), status: MySQLStatus(rawValue: payload.le16(at: 3)))
    }

    /// Appends the payload.
    public func write(to out: inout ByteWriter) {
        out.u8(0xFE)
        out.le16(warnings)
        out.le16(status.rawValue)
    }
}
