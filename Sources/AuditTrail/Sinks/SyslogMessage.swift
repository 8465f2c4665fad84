import ByteKit

/// Records as messages of RFC 5424, framed for a stream by their length (RFC 6587 section 3.4.1, RFC 5425).
struct SyslogMessage {
    let host: String
    let process: Int32
    /// Longer messages are shortened: receivers cut or split them otherwise.
    let longest: Int
    /// Whether the length stands before each message: on streams, not in datagrams.
    let isFramed: Bool

    /// A record as a message; whether it had to be shortened.
    func render(_ line: [UInt8], into out: inout LineBuffer) -> Bool {
        var message = LineBuffer(capacity: line.count &+ 256)
        head(line, &message)
        let headLength = message.count
        let isTooLong = headLength &+ line.count > longest
        if isTooLong {
            shorten(line, to: longest &- headLength, &message)
        } else {
            message.bytes(line)
        }
        if isFramed {
            out.decimal(UInt64(message.count))
            out.byte(0x20)
        }
        message.withSpan { out.span($0) }
        return isTooLong
    }

    /// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID - `
    private func head(_ line: [UInt8], _ message: inout LineBuffer) {
        // Facility 13 is "log audit"; severity notice where something failed, informational otherwise.
        let failed = line.suffix(600).firstRange(of: Array(#""outcome":"failure""#.utf8)) != nil
        message.literal(failed ? "<108>1 " : "<110>1 ")
        // Syslog knows microseconds: `{"@timestamp":"2026-11-20T20:41:00.123456`789Z
        if line.count > 45, line[14] == 0x22 {
            message.bytes(Array(line[15..<41]))
            message.literal("Z ")
        } else {
            message.literal("- ")
        }
        message.text(word(host, most: 255))
        message.literal(" headgate ")
        message.decimal(UInt64(max(process, 0)))
        message.literal(" audit - ")
    }

    /// Printable ASCII without spaces, as syslog's header wants it.
    private func word(_ text: String, most: Int) -> String {
        let kept = text.utf8.prefix(most).filter { (33...126).contains($0) }
        return kept.isEmpty ? "-" : String(decoding: Array(kept), as: UTF8.self)
    }

    /// Who, what and the hash of the whole record, which is in the files.
    private func shorten(_ line: [UInt8], to room: Int, _ message: inout LineBuffer) {
        let value = line.withSpan { JSONValue($0) }
        var fields: [AuditField] = []
        for path in [
            "@timestamp", "user.name", "source.ip", "source.port", "service.name", "db.namespace", "db.query.summary",
            "db.response.status_code", "headgate.schema_version", "headgate.stream.id", "headgate.session.id",
            "headgate.statement.id", "headgate.statement.class", "headgate.statement.fingerprint",
            "headgate.chain.prev",
            "event.kind", "event.action", "event.outcome", "event.reason", "event.dataset", "event.id",
            "event.sequence",
            "event.hash",
        ] {
            switch value?[path] {
            case .text(let text): fields.append(AuditField(path, .text(text)))
            case .number(let digits):
                fields.append(AuditField(path, UInt64(digits).map { .unsigned($0) } ?? .text(digits)))
            case .flag, .list, .object, .null, nil: break
            }
        }
        fields.append(AuditField("headgate.shortened.length", .number(Int64(line.count))))
        var short = LineBuffer()
        short.value(.object(fields))
        guard short.count > room else { return message.bytes(short.array()) }
        // A receiver that takes next to nothing: what is needed to find the record.
        var least = LineBuffer()
        least.value(
            .object(
                fields.filter { ["event.sequence", "event.hash", "headgate.shortened.length"].contains($0.path) }))
        message.bytes(least.array())
    }
}
