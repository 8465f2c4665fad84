import ByteKit
import MySQLWire

/// What a server says to one client, reply by reply and packet by packet, in words for comparing and reading.
struct MySQLReplies {
    private(set) var list: [[String]] = []
    private var current: [String] = []
    private var tracker: ReplyTracker
    private var commands: [MySQLCommand] = []
    private var next = 0
    private var rest: [UInt8] = []
    private var sequence: UInt8 = 1

    init(_ capabilities: MySQLCapabilities) { tracker = ReplyTracker(capabilities) }

    /// Commands were sent.
    mutating func expect(_ more: [MySQLCommand]) { commands += more.filter(\.hasReply) }

    /// Replies that are over, and what there is of the next.
    var all: [[String]] { current.isEmpty ? list : list + [current] }

    mutating func receive(_ bytes: [UInt8]) {
        rest += bytes
        var position = 0
        while rest.count - position >= 4 {
            let length = Int(rest[position]) | Int(rest[position + 1]) << 8 | Int(rest[position + 2]) << 16
            guard rest.count - position >= 4 + length else { break }
            payload(Array(rest[(position + 4)..<(position + 4 + length)]), rest[position + 3])
            position += 4 + length
        }
        rest.removeFirst(position)
    }

    private mutating func payload(_ payload: [UInt8], _ id: UInt8) {
        if tracker.isComplete {
            guard next < commands.count else { return current.append("a packet behind the end") }
            tracker.begin(commands[next])
            next += 1
            sequence = 1
        }
        let event = payload.withSpan { tracker.received($0, length: payload.count) }
        let number = id == sequence ? "" : "[packet \(id), not \(sequence)] "
        sequence = id &+ 1
        current.append(number + words(event, payload))
        guard tracker.isComplete else { return }
        list.append(current)
        current = []
    }

    private func words(_ event: ReplyEvent, _ payload: [UInt8]) -> String {
        switch event {
        case .head(let columns): return "\(columns) columns"
        case .definition:
            // Numbers that the proxy knows come as literals, of another type.
            return payload.withSpan { span in
                guard let column = try? ColumnDefinition(parsing: span, tracker.capabilities) else {
                    return "no column"
                }
                return "column " + Self.text(span.extracting(column.name).toArray())
            }
        case .definitionsEnd: return "end of columns"
        case .prepared:
            let reply = payload.withSpan { try? PrepareReply(parsing: $0, tracker.capabilities) }
            return
                "prepared \(reply?.statement ?? 0), \(reply?.columns ?? 0) columns, \(reply?.parameters ?? 0) parameters"
        case .row: return "row " + Self.text(payload)
        case .ok: return "ok " + ok(payload)
        case .resultEnd: return "end " + (payload.count == 5 ? Self.text(payload) : ok(payload))
        case .error:
            return payload.withSpan { span in
                guard let error = try? ErrorPacket(parsing: span) else { return "no error" }
                return "error \(error.code) \(error.sqlstate) \(error.message)"
            }
        case .localFile, .authentication, .progress, .binlogEvent, .text, .violation:
            return "\(event) " + Self.text(payload)
        }
    }

    private func ok(_ payload: [UInt8]) -> String {
        payload.withSpan { span in
            guard let packet = try? OKPacket(parsing: span, tracker.capabilities) else { return "none" }
            return "\(packet.affectedRows) rows, id \(packet.lastInsertID), status \(packet.status.rawValue), "
                + "\(packet.warnings) warnings " + Self.text(span.extracting(packet.info).toArray())
                + Self.text(span.extracting(packet.sessionState).toArray())
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            if byte >= 0x20 && byte < 0x7E {
                text.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                text += "~\(byte)"
            }
        }
        return text
    }
}
