internal import ByteKit

/// How long PostgreSQL's own scanner may take over a text.
///
/// It matches a whole run of operator characters, then gives most of it back if a comment opens in it or if it ends in
/// signs; a run of thirty thousand `/*` keeps it busy for seconds. Such texts are not given to it.
enum ScanCost {
    /// Texts up to this length are cheap whatever is in them.
    private static let harmless = 1024

    /// Whether the scanner surely takes time in proportion to the length of the text.
    static func isBounded(_ text: RawSpan) -> Bool {
        let count = text.byteCount
        guard count > harmless else { return true }
        let budget = (count &* 64) &+ (1 << 20)
        var cost = 0
        var at = 0
        while at < count {
            guard isOperator(text.u8(at: at)) else {
                at &+= 1
                continue
            }
            let start = at
            var restarts = 0
            while at < count, case let byte = text.u8(at: at), isOperator(byte) {
                if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") {
                    restarts &+= 1
                }
                at &+= 1
            }
            cost &+= (at &- start) &* restarts
            if cost > budget { return false }
        }
        return true
    }

    @inline(__always)
    private static func isOperator(_ byte: UInt8) -> Bool {
        let kind = CharacterClass.of(byte)
        return kind == CharacterClass.op || kind == CharacterClass.backtick
    }
}
