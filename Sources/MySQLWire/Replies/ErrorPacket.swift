public import ByteKit

/// A server's ERR packet (protocol documentation, "ERR_Packet").
public struct ErrorPacket: Equatable, Sendable {
    /// The error's number.
    public let code: UInt16
    /// Five characters; empty from a server that has not yet been told that the client speaks 4.1.
    public let sqlstate: String
    /// What the user reads.
    public let message: String

    /// Reads a payload whose first byte is 0xFF. Allocates.
    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.u8() == 0xFF else { throw .malformed(.error) }
        guard let code = cursor.le16() else { throw .truncated(.error) }
        self.code = code
        if cursor.next == UInt8(ascii: "#") {
            guard cursor.u8() != nil, let state = cursor.take(5) else { throw .truncated(.error) }
            sqlstate = cursor.string(state)
        } else {
            sqlstate = ""
        }
        message = cursor.string(cursor.rest())
    }

    /// The number of the error in the payload, without reading the rest; 0 if it is cut off.
    @_noLocks
    @inlinable
    public static func code(of payload: RawSpan) -> UInt16 {
        payload.byteCount >= 3 ? payload.le16(at: 1) : 0
    }
}

/// How far MariaDB is with a long statement: an ERR packet with code 0xFFFF, which is no error (MariaDB documentation,
/// "ERR_Packet", progress reporting).
public struct ProgressReport: Equatable, Sendable {
    public let stage: UInt8
    public let stages: UInt8
    /// Thousandths of a percent of the stage.
    public let progress: UInt32
    /// What is being done, as offsets into the payload.
    public let info: Range<Int>

    /// The code that tells a report from an error.
    public static let code: UInt16 = 0xFFFF

    /// Reads a payload whose first bytes are 0xFF 0xFF 0xFF.
    public init(parsing payload: RawSpan) throws(MySQLWireError) {
        var cursor = ByteCursor(payload)
        guard cursor.u8() == 0xFF, cursor.le16() == Self.code else { throw .malformed(.error) }
        guard cursor.u8() != nil, let stage = cursor.u8(), let stages = cursor.u8(), let progress = cursor.le24(),
            let info = cursor.lengthEncodedBytes()
        else { throw .truncated(.error) }
        self.stage = stage
        self.stages = stages
        self.progress = progress
        self.info = info
    }
}

/// An error made by the proxy itself.
public struct MySQLError: Error, Equatable, Sendable {
    /// The error's number, from MySQL's own list.
    public var code: UInt16
    /// Five characters.
    public var sqlstate: String
    /// What the user reads.
    public var message: String

    /// An error of these parts.
    public init(_ code: UInt16, _ sqlstate: String, _ message: String) {
        self.code = code
        self.sqlstate = sqlstate
        self.message = message
    }

    /// Appends the payload.
    public func write(to out: inout ByteWriter) {
        out.u8(0xFF)
        out.le16(code)
        out.u8(UInt8(ascii: "#"))
        out.text(sqlstate.utf8.count == 5 ? sqlstate : "HY000")
        out.text(message)
    }

    /// Appends the whole packet.
    public func writePacket(to out: inout ByteWriter, sequence: UInt8) {
        let mark = out.beginPacket(sequence)
        write(to: &out)
        out.endPacket(mark)
    }
}
