import ByteKit
import MySQLWire

/// The reply to SHOW WARNINGS kept for later, as the server sent it.
struct MySQLCapture {
    let packets: [UInt8]
    let capabilities: MySQLCapabilities

    /// How many messages it shows, and how many of them are errors.
    var counts: (rows: Int, errors: Int) {
        let rows = rows
        return (rows.count, rows.count { $0[0].elementsEqual("Error".utf8) })
    }

    /// Level, code and message of each.
    private var rows: [[[UInt8]]] {
        packets.withSpan { bytes in
            var tracker = ReplyTracker(capabilities)
            tracker.begin(.query)
            var position = 0
            var found: [[[UInt8]]] = []
            while case .header(_, let body, let end) = scanPacket(bytes, at: position), end <= bytes.byteCount {
                let payload = bytes.extracting(body..<end)
                position = end
                if tracker.received(payload, length: end &- body) == .row, let row = Self.values(of: payload) {
                    found.append(row)
                }
            }
            return found
        }
    }

    /// The same with what the session's state is by now.
    func saying(_ status: MySQLStatus) -> MySQLCapture {
        var packets = packets
        let last = packets.withSpan { bytes in
            var position = 0
            var last = 0
            while case .header(_, let body, let end) = scanPacket(bytes, at: position), end <= bytes.byteCount {
                last = body
                position = end
            }
            return last
        }
        // Behind two numbers that are 0, or behind the count of warnings.
        if last >= 4, last &+ 5 <= packets.count, packets[last] == 0xFE {
            packets[last &+ 3] = UInt8(truncatingIfNeeded: status.rawValue)
            packets[last &+ 4] = UInt8(truncatingIfNeeded: status.rawValue >> 8)
            // Behind an OK packet's numbers, what had changed for somebody else.
            if packets.count &- last > 7 {
                packets.removeSubrange((last &+ 7)...)
                (packets[last &- 4], packets[last &- 3], packets[last &- 2]) = (7, 0, 0)
            }
        }
        return MySQLCapture(packets: packets, capabilities: capabilities)
    }

    /// The same with rows of errors alone, or so many of them; nil if it makes no sense.
    func showing(errorsOnly: Bool, limit: Int) -> MySQLCapture? {
        packets.withSpan { bytes in
            var tracker = ReplyTracker(capabilities)
            tracker.begin(.query)
            var out = ByteWriter(capacity: bytes.byteCount)
            var position = 0
            var left = limit
            var number: UInt8 = 0
            while case .header(_, let body, let end) = scanPacket(bytes, at: position), end <= bytes.byteCount {
                let payload = bytes.extracting(body..<end)
                position = end
                if tracker.received(payload, length: end &- body) == .row {
                    guard let row = Self.values(of: payload) else { return nil }
                    guard left > 0, !errorsOnly || row[0].elementsEqual("Error".utf8) else { continue }
                    left &-= 1
                }
                number &+= 1
                out.packetHeader(length: payload.byteCount, sequence: number)
                out.span(payload)
            }
            return MySQLCapture(packets: out.take(), capabilities: capabilities)
        }
    }

    /// The same as the reply to a prepared statement: of its columns only the code is a number. nil if it makes no sense.
    var binary: MySQLCapture? {
        packets.withSpan { bytes in
            var tracker = ReplyTracker(capabilities)
            tracker.begin(.query)
            var out = ByteWriter(capacity: bytes.byteCount &+ 64)
            var position = 0
            while case .header(let sequence, let body, let end) = scanPacket(bytes, at: position),
                end <= bytes.byteCount
            {
                let payload = bytes.extracting(body..<end)
                position = end
                guard tracker.received(payload, length: end &- body) == .row else {
                    out.packetHeader(length: payload.byteCount, sequence: sequence)
                    out.span(payload)
                    continue
                }
                guard let row = Self.values(of: payload), let code = UInt32(String(decoding: row[1], as: UTF8.self))
                else { return nil }
                let mark = out.beginPacket(sequence)
                // No column is NULL.
                out.u8(0)
                out.u8(0)
                out.lengthEncoded(row[0])
                out.le32(code)
                out.lengthEncoded(row[2])
                out.endPacket(mark)
            }
            return MySQLCapture(packets: out.take(), capabilities: capabilities)
        }
    }

    /// What GET DIAGNOSTICS says of a condition, of those that warnings and notes are mostly about; for others the plainest.
    private static func sqlstate(of code: [UInt8], isError: Bool) -> String {
        switch UInt16(String(decoding: code, as: UTF8.self)) ?? 0 {
        case 1050: "42S01"
        case 1051, 1146: "42S02"
        case 1054: "42S22"
        case 1048, 1062, 1451, 1452: "23000"
        case 1064, 1305: "42000"
        case 1264: "22003"
        case 1292: "22007"
        case 1365: "22012"
        case 1406: "22001"
        default: isError ? "HY000" : "01000"
        }
    }

    /// Level, code and message.
    private static func values(of row: RawSpan) -> [[UInt8]]? {
        var values: [[UInt8]] = []
        try? MySQLRow.text(row, columns: 3) { _, range in
            values.append(range.map { row.extracting($0).toArray() } ?? [])
        }
        return values.count == 3 ? values : nil
    }

    /// It is one message that can be made again so that SHOW WARNINGS shows the same: nothing makes a note.
    var canBeMadeAsShown: Bool {
        let rows = rows
        return rows.count == 1 && !rows[0][0].elementsEqual("Note".utf8)
    }

    /// The statement that leaves what is kept behind once more, where that is one warning or error. `asShown`: with its
    /// level, to which an SQLSTATE belongs, rather than with its own SQLSTATE.
    func onlyCondition(asShown: Bool, isMariaDB: Bool) -> [UInt8]? {
        let rows = rows
        guard rows.count == 1, UInt16(String(decoding: rows[0][1], as: UTF8.self)) != nil else { return nil }
        let isError = rows[0][0].elementsEqual("Error".utf8)
        let state = asShown && !isError ? "01000" : Self.sqlstate(of: rows[0][1], isError: isError)
        let text = MySQLError.shortened(String(decoding: rows[0][2], as: UTF8.self), isMariaDB: isMariaDB)
        let message = Hex.encode(Array(text.utf8))
        return Array("SIGNAL SQLSTATE '\(state)' SET MYSQL_ERRNO = ".utf8) + rows[0][1]
            + Array(", MESSAGE_TEXT = _utf8mb4 0x".utf8) + message
    }
}
