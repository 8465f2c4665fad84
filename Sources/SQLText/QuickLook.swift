import ByteKit

/// A look at a text that is cheaper than finding it in the cache: applications that write values into their texts send
/// one they never send again, and most of these do nothing to the session.
public enum QuickLook {
    /// Whether the text surely is one SELECT, UPDATE or DELETE that leaves no trace in the session. False means only
    /// that one has to look closer.
    ///
    /// Without `(` nothing can be called, without `INTO` nothing created, and without `;` (but at the end) there is one
    /// statement; quotes and comments cannot hide what is looked for, since it must not be there at all. About 50 ns.
    public static func leavesNoTrace(_ text: RawSpan) -> Bool {
        guard let end = plainEnd(text) else { return false }
        return leavesNoTrace(text, end)
    }

    /// Where the text ends, blanks and semicolons behind it apart; nil if it does not begin as plain ones do.
    @inline(__always)
    private static func plainEnd(_ text: RawSpan) -> Int? {
        var end = text.byteCount
        while end > 0, case let last = text.u8(at: end &- 1), last == 0x20 || last &- 9 < 5 || last == 0x3B {
            end &-= 1
        }
        return end >= 7 && end <= 4096 && startsPlain(text) ? end : nil
    }

    private static func leavesNoTrace(_ text: RawSpan, _ end: Int) -> Bool {
        if text.firstIndex(of: 0x28, from: 0, to: end) != nil || text.firstIndex(of: 0x3B, from: 0, to: end) != nil {
            return false
        }
        return !holdsInto(text, end)
    }

    /// The same for MySQL, where variables, version comments and `SQL_CALC_FOUND_ROWS` leave traces without a bracket, and
    /// what updates or deletes by several tables leaves a number of rows.
    public static func leavesNoTraceInMySQL(_ text: RawSpan) -> Bool {
        guard let end = plainEnd(text), text.u8(at: 0) | 0x20 == 0x73 || changesOneTable(text, end) else {
            return false
        }
        return !isSuspect(text, end) || leavesNoTraceCloser(text, end)
    }

    /// `UPDATE t SET …`, `DELETE FROM t [WHERE …]`.
    private static func changesOneTable(_ text: RawSpan, _ end: Int) -> Bool {
        func skip(_ at: Int, blanks: Bool) -> Int {
            var at = at
            while at < end, (text.u8(at: at) <= 0x20) == blanks { at &+= 1 }
            return at
        }
        var at = skip(6, blanks: true)
        let isUpdate = text.u8(at: 0) | 0x20 == 0x75
        if !isUpdate {
            guard holds(0x6672_6F6D, 4, text, at, end) else { return false }
            at = skip(at &+ 4, blanks: true)
        }
        let name = at
        at = skip(name, blanks: false)
        guard text.firstIndex(of: 0x2C, from: name, to: at) == nil else { return false }
        at = skip(at, blanks: true)
        return isUpdate ? holds(0x73_6574, 3, text, at, end) : at == end || holds(0x77_6865_7265, 5, text, at, end)
    }

    /// These letters, in lower case and as one number, and a blank stand there.
    private static func holds(_ word: UInt64, _ count: Int, _ text: RawSpan, _ at: Int, _ end: Int) -> Bool {
        guard at &+ count < end, text.u8(at: at &+ count) <= 0x20 else { return false }
        var found: UInt64 = 0
        for index in at..<(at &+ count) { found = found << 8 | UInt64(text.u8(at: index) | 0x20) }
        return found == word
    }

    /// Whether there is a bit of what the closer look searches for, eight bytes at a time; always for short texts. About
    /// 60 instructions a step, where each search of its own takes as many before it has begun.
    @inline(__always)
    private static func isSuspect(_ text: RawSpan, _ end: Int) -> Bool {
        guard end >= 16 else { return true }
        // The blank behind the first word.
        var at = 6
        while true {
            // Every byte of `second` stands between its neighbours.
            let first = text.native64(at: at)
            let second = text.native64(at: at &+ 1)
            let third = text.native64(at: at &+ 2) | every(0x20)
            let (one, two) = (first | every(0x20), second | every(0x20))
            // ( ; @ and /* l_
            var hits = zeros(second ^ every(0x28)) | zeros(second ^ every(0x3B)) | zeros(second ^ every(0x40))
            hits |= zeros((first ^ every(0x2F)) | (second ^ every(0x2A)))
            hits |= zeros((one ^ every(0x6C)) | (second ^ every(0x5F)))
            // val int
            hits |= zeros((one ^ every(0x76)) | (two ^ every(0x61)) | (third ^ every(0x6C)))
            hits |= zeros((one ^ every(0x69)) | (two ^ every(0x6E)) | (third ^ every(0x74)))
            if hits & every(0x80) != 0 { return true }
            if at &+ 10 >= end { break }
            at = min(at &+ 8, end &- 10)
        }
        // The last byte has been a third one only.
        switch text.u8(at: end &- 1) {
        case 0x28, 0x2A, 0x3B, 0x40, 0x5F: return true
        default: return false
        }
    }

    /// A byte, eight times.
    @inline(__always)
    private static func every(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Has the highest bit of a byte set if that is 0, and perhaps those of bytes above one that is: never none.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- every(0x01)) & ~word }

    private static func leavesNoTraceCloser(_ text: RawSpan, _ end: Int) -> Bool {
        let count = text.byteCount
        guard leavesNoTrace(text, end), text.firstIndex(of: 0x40, from: 0, to: count) == nil,
            text.firstIndex(of: 0x2A, from: 0, to: count).map({ !holdsComment(text, $0) }) ?? true
        else { return false }
        var from = 0
        while let at = text.firstIndex(of: 0x5F, from: from, to: count) {
            // `sql_…`
            if at >= 3, text.u8(at: at &- 3) | 0x20 == 0x73, text.u8(at: at &- 2) | 0x20 == 0x71,
                text.u8(at: at &- 1) | 0x20 == 0x6C
            {
                return false
            }
            from = at &+ 1
        }
        return !holdsValue(text)
    }

    /// Whether there is `val` anywhere: MariaDB's `NEXT VALUE FOR`, `PREVIOUS VALUE FOR`, `s.nextval` and `s.currval` need no
    /// bracket.
    private static func holdsValue(_ text: RawSpan) -> Bool {
        let end = text.byteCount
        var index = 0
        while index &+ 3 <= end {
            switch text.u8(at: index &+ 2) | 0x20 {
            case 0x6C:  // l
                if text.u8(at: index) | 0x20 == 0x76, text.u8(at: index &+ 1) | 0x20 == 0x61 { return true }
                index &+= 3
            case 0x61: index &+= 1  // a
            case 0x76: index &+= 2  // v
            default: index &+= 3
            }
        }
        return false
    }

    private static func holdsComment(_ text: RawSpan, _ first: Int) -> Bool {
        var from = first
        while let at = text.firstIndex(of: 0x2A, from: from, to: text.byteCount) {
            if at > 0, text.u8(at: at &- 1) == 0x2F { return true }
            from = at &+ 1
        }
        return false
    }

    /// `select`, `update` or `delete` and a blank.
    private static func startsPlain(_ text: RawSpan) -> Bool {
        guard text.u8(at: 6) <= 0x20 else { return false }
        // Six letters, lower-cased, as one number.
        var word: UInt64 = 0
        for index in 0..<6 { word = word << 8 | UInt64(text.u8(at: index) | 0x20) }
        return word == 0x7365_6C65_6374 || word == 0x7570_6461_7465 || word == 0x6465_6C65_7465
    }

    private static func holdsInto(_ text: RawSpan, _ end: Int) -> Bool {
        var index = 7
        while index &+ 4 <= end {
            // The last letter decides how far the next look may go.
            switch text.u8(at: index &+ 3) | 0x20 {
            case 0x6F:  // o
                if text.u8(at: index) | 0x20 == 0x69, text.u8(at: index &+ 1) | 0x20 == 0x6E,
                    text.u8(at: index &+ 2) | 0x20 == 0x74
                {
                    return true
                }
                index &+= 4
            case 0x74: index &+= 1  // t
            case 0x6E: index &+= 2  // n
            case 0x69: index &+= 3  // i
            default: index &+= 4
            }
        }
        return false
    }
}
