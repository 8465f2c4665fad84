import ByteKit
import Credentials
import Sessions
import Settings

/// Parameters of a statement as its record has them: how long they are, or a keyed hash, or the values themselves.
enum AuditValues {
    /// JSON objects with commas between them, from a Bind message behind its names (protocol documentation, "Message
    /// Formats"). What does not fit the protocol gives nothing: the server has refused it.
    static func render(_ statement: OpenStatement, _ policy: AuditPolicy) -> [UInt8] {
        guard policy.parameters != .none, !statement.session.isOfMySQL else { return [] }
        return statement.parameters.withSpan { bytes in
            var cursor = ByteCursor(bytes)
            guard let formats = cursor.i16(), formats >= 0, let format = cursor.take(Int(formats) &* 2),
                let count = cursor.i16(), count >= 0
            else { return [] }
            var out = ByteWriter(capacity: 64 &* Int(count) &+ 16)
            for index in 0..<Int(count) {
                guard let length = cursor.i32() else { return out.take() }
                let value = length < 0 ? nil : cursor.take(Int(length))
                if length >= 0, value == nil { return out.take() }
                let isBinary = isBinary(index, bytes.extracting(format), Int(formats))
                if index > 0 { out.u8(UInt8(ascii: ",")) }
                one(index, value, of: bytes, isBinary: isBinary, policy, to: &out)
            }
            return out.take()
        }
    }

    private static func isBinary(_ index: Int, _ formats: RawSpan, _ count: Int) -> Bool {
        guard count > 0 else { return false }
        let at = (count == 1 ? 0 : index) &* 2 &+ 1
        return at < formats.byteCount && formats.u8(at: at) == 1
    }

    private static func one(
        _ index: Int, _ range: Range<Int>?, of bytes: RawSpan, isBinary: Bool, _ policy: AuditPolicy,
        to out: inout ByteWriter
    ) {
        out.raw(Array("{\"i\":\(index + 1)".utf8))
        guard let range else { return out.raw(Array(",\"null\":true}".utf8)) }
        let value = bytes.extracting(range)
        out.raw(Array(",\"len\":\(value.byteCount)".utf8))
        switch policy.parameters {
        case .none, .types: break
        case .hmac:
            out.raw(Array(",\"hmac\":\"".utf8))
            out.raw(Hex.encode(policy.hash(value)))
            out.u8(UInt8(ascii: "\""))
        case .full:
            let bytes = value.toArray()
            if !isBinary, let text = String(validating: bytes, as: UTF8.self) {
                out.raw(Array(",\"value\":".utf8))
                quote(text, to: &out)
            } else {
                out.raw(Array(",\"b64\":\"".utf8))
                out.raw(Base64.encode(bytes))
                out.u8(UInt8(ascii: "\""))
            }
        }
        out.u8(UInt8(ascii: "}"))
    }

    /// A JSON string (RFC 8259, section 7).
    private static func quote(_ text: String, to out: inout ByteWriter) {
        out.u8(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                out.u8(0x5C)
                out.u8(byte)
            case 0..<0x20: out.raw(Array("\\u00".utf8) + Hex.encode([byte]))
            default: out.u8(byte)
            }
        }
        out.u8(UInt8(ascii: "\""))
    }
}
