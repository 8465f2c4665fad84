import AuditTrail
import ByteKit
import Sessions
import Settings

/// Parameters of a statement as its record has them: how long they are, or a keyed hash, or the values themselves.
enum AuditValues {
    /// Those of a Bind message, behind its names (protocol documentation, "Message Formats"). What does not fit the protocol
    /// gives nothing: the server has refused it.
    static func render(_ statement: OpenStatement, _ policy: AuditPolicy) -> [UInt8] {
        guard policy.parameters != .none, !statement.session.isOfMySQL else { return [] }
        return AuditParameterList.render(statement.parameters.withSpan { values($0, policy) })
    }

    private static func values(_ bytes: RawSpan, _ policy: AuditPolicy) -> [[AuditField]] {
        var cursor = ByteCursor(bytes)
        guard let formats = cursor.i16(), formats >= 0, cursor.take(Int(formats) &* 2) != nil,
            let count = cursor.i16(), count >= 0
        else { return [] }
        var found: [[AuditField]] = []
        for index in 0..<Int(count) {
            guard let length = cursor.i32() else { return found }
            var fields = [AuditField("i", .number(Int64(index + 1)))]
            if length < 0 {
                fields.append(AuditField("null", .flag(true)))
            } else {
                guard let value = cursor.take(Int(length)) else { return found }
                fields.append(AuditField("len", .number(Int64(length))))
                switch policy.parameters {
                case .none, .types: break
                case .hmac:
                    let hash = Hex.encode(policy.hash(bytes.extracting(value)))
                    fields.append(AuditField("hmac", .text(String(decoding: hash, as: UTF8.self))))
                case .full: fields.append(AuditField("value", .bytes(bytes.extracting(value).toArray())))
                }
            }
            found.append(fields)
        }
        return found
    }
}
