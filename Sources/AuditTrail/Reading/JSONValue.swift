import ByteKit

/// A JSON text as values. Reads any bytes: what is no JSON is nil, and nothing is nested deeper than 32.
enum JSONValue: Equatable, Sendable {
    case null
    case flag(Bool)
    /// As it was written.
    case number(String)
    case text(String)
    case list([JSONValue])
    case object([Member])

    struct Member: Equatable, Sendable {
        var name: String
        var value: JSONValue
    }

    init?(_ bytes: RawSpan) {
        var at = 0
        guard let value = Self.value(bytes, &at, 0) else { return nil }
        Self.skip(bytes, &at)
        guard at == bytes.byteCount else { return nil }
        self = value
    }

    /// The value at a path of names with dots between them.
    subscript(_ path: String) -> JSONValue? {
        var here = self
        for name in path.split(separator: ".") {
            guard case .object(let members) = here, let next = members.first(where: { $0.name == name }) else {
                return nil
            }
            here = next.value
        }
        return here
    }

    var text: String? {
        if case .text(let text) = self { return text }
        return nil
    }

    /// Also of numbers that were written as text because they are too long for others.
    var number: UInt64? {
        switch self {
        case .number(let digits), .text(let digits): UInt64(digits)
        case .null, .flag, .list, .object: nil
        }
    }

    var list: [JSONValue]? {
        if case .list(let values) = self { return values }
        return nil
    }

    private static func skip(_ bytes: RawSpan, _ at: inout Int) {
        while at < bytes.byteCount, [0x20, 0x09, 0x0A, 0x0D].contains(bytes.u8(at: at)) { at &+= 1 }
    }

    private static func value(_ bytes: RawSpan, _ at: inout Int, _ depth: Int) -> JSONValue? {
        skip(bytes, &at)
        guard at < bytes.byteCount, depth < 32 else { return nil }
        switch bytes.u8(at: at) {
        case 0x7B: return object(bytes, &at, depth)
        case 0x5B: return list(bytes, &at, depth)
        case 0x22: return string(bytes, &at).map { .text($0) }
        case 0x74: return word(bytes, &at, "true") ? .flag(true) : nil
        case 0x66: return word(bytes, &at, "false") ? .flag(false) : nil
        case 0x6E: return word(bytes, &at, "null") ? .null : nil
        case 0x2D, 0x30...0x39: return number(bytes, &at)
        default: return nil
        }
    }

    private static func word(_ bytes: RawSpan, _ at: inout Int, _ word: StaticString) -> Bool {
        let end = at &+ word.utf8CodeUnitCount
        guard end <= bytes.byteCount, bytes.extracting(at..<end).equals(word) else { return false }
        at = end
        return true
    }

    private static func number(_ bytes: RawSpan, _ at: inout Int) -> JSONValue? {
        let start = at
        while at < bytes.byteCount {
            switch bytes.u8(at: at) {
            case 0x30...0x39, 0x2B, 0x2D, 0x2E, 0x45, 0x65: at &+= 1
            default: return .number(String(decoding: bytes.extracting(start..<at).toArray(), as: UTF8.self))
            }
        }
        return .number(String(decoding: bytes.extracting(start..<at).toArray(), as: UTF8.self))
    }

    private static func object(_ bytes: RawSpan, _ at: inout Int, _ depth: Int) -> JSONValue? {
        at &+= 1
        var members: [Member] = []
        skip(bytes, &at)
        if at < bytes.byteCount, bytes.u8(at: at) == 0x7D {
            at &+= 1
            return .object(members)
        }
        while true {
            skip(bytes, &at)
            guard at < bytes.byteCount, bytes.u8(at: at) == 0x22, let name = string(bytes, &at) else { return nil }
            skip(bytes, &at)
            guard at < bytes.byteCount, bytes.u8(at: at) == 0x3A else { return nil }
            at &+= 1
            guard let value = value(bytes, &at, depth &+ 1) else { return nil }
            members.append(Member(name: name, value: value))
            skip(bytes, &at)
            guard at < bytes.byteCount else { return nil }
            at &+= 1
            switch bytes.u8(at: at &- 1) {
            case 0x2C: continue
            case 0x7D: return .object(members)
            default: return nil
            }
        }
    }

    private static func list(_ bytes: RawSpan, _ at: inout Int, _ depth: Int) -> JSONValue? {
        at &+= 1
        var values: [JSONValue] = []
        skip(bytes, &at)
        if at < bytes.byteCount, bytes.u8(at: at) == 0x5D {
            at &+= 1
            return .list(values)
        }
        while true {
            guard let value = value(bytes, &at, depth &+ 1) else { return nil }
            values.append(value)
            skip(bytes, &at)
            guard at < bytes.byteCount else { return nil }
            at &+= 1
            switch bytes.u8(at: at &- 1) {
            case 0x2C: continue
            case 0x5D: return .list(values)
            default: return nil
            }
        }
    }

    private static func string(_ bytes: RawSpan, _ at: inout Int) -> String? {
        at &+= 1
        var out: [UInt8] = []
        while at < bytes.byteCount {
            let byte = bytes.u8(at: at)
            at &+= 1
            switch byte {
            case 0x22: return String(validating: out, as: UTF8.self)
            case 0x5C:
                guard at < bytes.byteCount else { return nil }
                let escape = bytes.u8(at: at)
                at &+= 1
                switch escape {
                case 0x22, 0x5C, 0x2F: out.append(escape)
                case 0x62: out.append(0x08)
                case 0x66: out.append(0x0C)
                case 0x6E: out.append(0x0A)
                case 0x72: out.append(0x0D)
                case 0x74: out.append(0x09)
                case 0x75:
                    guard let scalar = scalar(bytes, &at) else { return nil }
                    out += Array(String(Character(scalar)).utf8)
                default: return nil
                }
            case 0..<0x20: return nil
            default: out.append(byte)
            }
        }
        return nil
    }

    private static func scalar(_ bytes: RawSpan, _ at: inout Int) -> Unicode.Scalar? {
        guard let first = unit(bytes, &at) else { return nil }
        guard (0xD800...0xDBFF).contains(first) else { return Unicode.Scalar(UInt32(first)) }
        guard at &+ 2 <= bytes.byteCount, bytes.u8(at: at) == 0x5C, bytes.u8(at: at &+ 1) == 0x75 else { return nil }
        at &+= 2
        guard let second = unit(bytes, &at), (0xDC00...0xDFFF).contains(second) else { return nil }
        return Unicode.Scalar(0x10000 &+ (UInt32(first) &- 0xD800) << 10 &+ (UInt32(second) &- 0xDC00))
    }

    private static func unit(_ bytes: RawSpan, _ at: inout Int) -> UInt16? {
        guard at &+ 4 <= bytes.byteCount, let pair = Hex.decode(bytes.extracting(at..<at &+ 4)), pair.count == 2 else {
            return nil
        }
        at &+= 4
        return UInt16(pair[0]) << 8 | UInt16(pair[1])
    }
}
