internal import ByteKit

extension RawSpan {
    /// Whether the bytes of `range` are `word`, which is given in lower case, whatever case they are in.
    @inline(__always)
    func isWord(_ range: Range<Int>, _ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard range.count == count, range.lowerBound >= 0, range.upperBound <= byteCount else { return false }
        var at = 0
        while at < count {
            guard CharacterClass.lowered(u8(at: range.lowerBound &+ at)) == (unsafe word.utf8Start[at]) else {
                return false
            }
            at &+= 1
        }
        return true
    }

    /// Whether a token is the unquoted word `word`, given in lower case.
    @inline(__always)
    func isWord(_ token: Token, _ word: StaticString) -> Bool {
        token.kind == .word && isWord(token.range, word)
    }

    /// The bytes of a range as text; invalid UTF-8 is repaired.
    func string(_ range: Range<Int>) -> String {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else { return "" }
        return unsafe extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The name a token writes: an unquoted word folded to lower case (MySQL keeps the case of table names), a quoted
    /// one without its quotes.
    func name(of token: Token, keepingCase: Bool = false) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(token.count)
        var range = token.range
        if token.kind == .quotedIdentifier, range.count >= 2 {
            let quote = u8(at: range.upperBound &- 1)
            // `U&"` or the quote itself.
            let head = u8(at: range.lowerBound) == quote ? 1 : 3
            range = min(range.lowerBound &+ head, range.upperBound &- 1)..<(range.upperBound &- 1)
            var at = range.lowerBound
            while at < range.upperBound {
                let byte = u8(at: at)
                bytes.append(byte)
                at &+= byte == quote ? 2 : 1
            }
        } else {
            for at in range { bytes.append(keepingCase ? u8(at: at) : CharacterClass.lowered(u8(at: at))) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
