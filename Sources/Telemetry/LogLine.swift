/// One line of the log as bytes: logfmt, at most `limit` bytes with its newline, whatever is put in.
///
/// Hostile text cannot forge a field or a line: a value with anything but harmless characters is quoted, quotes and
/// backslashes are escaped, control bytes (and the bytes of invalid UTF-8, already repaired by `String`) become `\n`,
/// `\t` or `\u00xx`.
struct LogLine {
    /// PIPE_BUF: a write of up to this many bytes to a pipe that polls writable never blocks and is never torn.
    static let limit = 4096
    /// No single value takes more than this.
    static let valueLimit = 1024

    private(set) var bytes: [UInt8] = []

    init(micros: Int64, level: LogLevel, event: StaticString) {
        bytes.reserveCapacity(256)
        append("ts=")
        Clock.appendRFC3339(micros: micros, to: &bytes)
        append(" level=")
        append(level.name)
        append(" event=")
        event.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func add(key: StaticString, _ value: String) {
        let start = bytes.count
        bytes.append(UInt8(ascii: " "))
        key.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "="))
        appendValue(value)
        // A field that does not fit is left out whole; three bytes stay for the mark of it.
        if bytes.count > Self.limit - 5 { cut(to: start) }
    }

    /// Ends the line.
    mutating func finish() {
        if isCut { append(" ...") }
        bytes.append(UInt8(ascii: "\n"))
    }

    private var isCut = false

    private mutating func cut(to start: Int) {
        bytes.removeLast(bytes.count - start)
        isCut = true
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    private mutating func appendValue(_ value: String) {
        var utf8 = value.utf8[...]
        let isLong = utf8.count > Self.valueLimit
        if isLong {
            utf8 = utf8.prefix(Self.valueLimit)
            // Not in the middle of a character.
            while let last = utf8.last, last & 0xc0 == 0x80 { utf8.removeLast() }
            if let last = utf8.last, last >= 0xc0 { utf8.removeLast() }
        }
        if !isLong && !utf8.isEmpty && utf8.allSatisfy(Self.isBare) {
            bytes.append(contentsOf: utf8)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in utf8 { appendEscaped(byte) }
        if isLong { append("...") }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case 10: append("\\n")
        case 13: append("\\r")
        case 9: append("\\t")
        case 0..<32, 127:
            append("\\u00")
            bytes.append(Self.hex(byte >> 4))
            bytes.append(Self.hex(byte & 15))
        default: bytes.append(byte)
        }
    }

    private static func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 48 + digit : 87 + digit }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "@"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "+"), UInt8(ascii: "*"), UInt8(ascii: "%"),
            UInt8(ascii: ","):
            true
        default: false
        }
    }
}
