internal import ByteKit

/// The trace a statement belongs to, as a `traceparent` in one of its comments tells (W3C Trace Context; sqlcommenter).
public struct TraceContext: Sendable, Equatable {
    /// The first and the last eight bytes of the trace's id.
    public let traceHigh: UInt64, traceLow: UInt64
    /// The id of the span.
    public let span: UInt64

    /// Finds `traceparent='00-<32 digits>-<16 digits>-<2 digits>'` in the comment that lies there.
    static func find(in text: RawSpan, _ comment: Range<Int>) -> TraceContext? {
        let word: StaticString = "traceparent"
        let length = word.utf8CodeUnitCount
        var at = comment.lowerBound
        let end = min(comment.upperBound, text.byteCount)
        while at &+ length &+ 55 <= end {
            guard let found = text.firstIndex(of: UInt8(ascii: "t"), from: at, to: end), found &+ length <= end else {
                return nil
            }
            if text.isWord(found..<(found &+ length), word), let context = parse(text, found &+ length, end) {
                return context
            }
            at = found &+ 1
        }
        return nil
    }

    /// What follows the word: an equals sign or a colon, quotes perhaps, then the value.
    private static func parse(_ text: RawSpan, _ from: Int, _ end: Int) -> TraceContext? {
        var at = from
        while at < end, at &- from < 4, case let byte = text.u8(at: at), byte != UInt8(ascii: "0") {
            guard byte == 0x3D || byte == 0x3A || byte == 0x27 || byte == 0x22 || byte == 0x20 else { return nil }
            at &+= 1
        }
        guard at &+ 55 <= end, text.u8(at: at) == UInt8(ascii: "0"), text.u8(at: at &+ 1) == UInt8(ascii: "0"),
            text.u8(at: at &+ 2) == UInt8(ascii: "-"), text.u8(at: at &+ 35) == UInt8(ascii: "-"),
            text.u8(at: at &+ 52) == UInt8(ascii: "-"), let high = hex(text, at &+ 3), let low = hex(text, at &+ 19),
            let span = hex(text, at &+ 36), high | low != 0, span != 0
        else { return nil }
        return TraceContext(traceHigh: high, traceLow: low, span: span)
    }

    /// Sixteen hexadecimal digits.
    private static func hex(_ text: RawSpan, _ at: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in at..<(at &+ 16) {
            let byte = text.u8(at: index)
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x61...0x66: digit = byte &- 0x57
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}
