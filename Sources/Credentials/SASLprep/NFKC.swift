/// Normalisation form KC (Unicode Standard Annex 15) of the characters SASLprep lets through: those of Unicode 3.2.
enum NFKC {
    private static let hangulBase: UInt32 = 0xac00
    private static let leadBase: UInt32 = 0x1100
    private static let vowelBase: UInt32 = 0x1161
    private static let trailBase: UInt32 = 0x11a7
    private static let leadCount: UInt32 = 19
    private static let vowelCount: UInt32 = 21
    private static let trailCount: UInt32 = 28
    private static let hangulCount: UInt32 = 11172

    /// Replaces `codes` by their normalisation. Time linear but for sorting runs of combining marks.
    static func normalize(_ codes: inout [UInt32], _ tables: SASLprepTables) {
        var result = decomposed(codes, tables)
        defer { wipe(&result) }
        order(&result, tables)
        compose(&result, tables)
        wipe(&codes)
        codes = result.map { $0 }
    }

    private static func decomposed(_ codes: [UInt32], _ tables: SASLprepTables) -> [UInt32] {
        // The room is counted before, so that the array never moves and leaves a copy of a password behind.
        var length = 0
        for code in codes { length &+= max(tables.decompositions[code]?.count ?? 1, 3) }
        var result: [UInt32] = []
        result.reserveCapacity(length)
        for code in codes {
            let hangul = code &- hangulBase
            if let range = tables.decompositions[code] {
                result += tables.decomposed[range]
            } else if hangul < hangulCount {
                result.append(leadBase &+ hangul / (vowelCount &* trailCount))
                result.append(vowelBase &+ hangul % (vowelCount &* trailCount) / trailCount)
                if hangul % trailCount != 0 { result.append(trailBase &+ hangul % trailCount) }
            } else {
                result.append(code)
            }
        }
        return result
    }

    /// Puts each run of combining marks into the order of their classes, equal ones as they were.
    private static func order(_ codes: inout [UInt32], _ tables: SASLprepTables) {
        var index = 0
        while index < codes.count {
            let start = index
            var run: [(mark: UInt32, key: Int)] = []
            while index < codes.count {
                let combiningClass = Int(tables.combiningClasses.value(of: codes[index]))
                if combiningClass == 0 { break }
                run.append((codes[index], combiningClass << 40 | index))
                index &+= 1
            }
            if run.count > 1 {
                run.sort { $0.key < $1.key }
                for place in run.indices { codes[start &+ place] = run[place].mark }
            }
            index &+= 1
        }
    }

    /// Joins starters with what follows them where Unicode has a character for both, in place.
    private static func compose(_ codes: inout [UInt32], _ tables: SASLprepTables) {
        guard !codes.isEmpty else { return }
        var starter: Int?
        var lastClass: UInt32 = 0
        var end = 0
        for index in codes.indices {
            let code = codes[index]
            let combiningClass = tables.combiningClasses.value(of: code)
            // Blocked by a mark of the same or a higher class, or by a starter, between the two (UAX 15, D115).
            let isNext = starter == end &- 1
            if let place = starter, isNext || lastClass < combiningClass,
                let whole = whole(codes[place], code, tables)
            {
                codes[place] = whole
                continue
            }
            if combiningClass == 0 { starter = end }
            lastClass = combiningClass
            codes[end] = code
            end &+= 1
        }
        codes.removeLast(codes.count &- end)
    }

    private static func whole(_ first: UInt32, _ second: UInt32, _ tables: SASLprepTables) -> UInt32? {
        let lead = first &- leadBase
        let vowel = second &- vowelBase
        if lead < leadCount, vowel < vowelCount {
            return hangulBase &+ (lead &* vowelCount &+ vowel) &* trailCount
        }
        let hangul = first &- hangulBase
        let trail = second &- trailBase
        if hangul < hangulCount, hangul % trailCount == 0, trail > 0, trail < trailCount {
            return first &+ trail
        }
        return tables.compositions[UInt64(first) << 32 | UInt64(second)]
    }
}
