/// The tables SASLprep needs, read from `SASLprepData` (about 1 ms) when the first password that is not ASCII comes by.
struct SASLprepTables: Sendable {
    /// The tables of this process.
    static let shared = SASLprepTables()

    let spaces = CodePointRanges(SASLprepData.spaces)
    let nothing = CodePointRanges(SASLprepData.nothing)
    let refused = CodePointRanges(SASLprepData.refused)
    let rightToLeft = CodePointRanges(SASLprepData.rightToLeft)
    let leftToRight = CodePointRanges(SASLprepData.leftToRight)
    let combiningClasses = CodePointRanges(SASLprepData.combiningClasses, withValues: true)
    /// First part << 32 | second part, to the whole.
    let compositions: [UInt64: UInt32]
    /// Code point to its place in `decomposed`.
    let decompositions: [UInt32: Range<Int>]
    /// The results of all decompositions, one behind the other.
    let decomposed: [UInt32]

    private init() {
        var reader = TableReader(SASLprepData.compositions)
        var compositions: [UInt64: UInt32] = [:]
        var first: UInt32 = 0
        while let gap = reader.number(), let second = reader.number(), let whole = reader.number() {
            first &+= gap
            compositions[UInt64(first) << 32 | UInt64(second)] = whole
        }
        self.compositions = compositions

        reader = TableReader(SASLprepData.decompositions)
        var decompositions: [UInt32: Range<Int>] = [:]
        var decomposed: [UInt32] = []
        var code: UInt32 = 0
        while let gap = reader.number(), let count = reader.number() {
            code &+= gap
            let start = decomposed.count
            for _ in 0..<count { decomposed.append(reader.number() ?? 0) }
            decompositions[code] = start..<decomposed.count
        }
        self.decompositions = decompositions
        self.decomposed = decomposed
    }
}

/// Sorted ranges of code points, each with a value.
struct CodePointRanges: Sendable {
    private var starts: [UInt32] = []
    private var ends: [UInt32] = []
    private var values: [UInt32] = []

    init(_ data: StaticString, withValues: Bool = false) {
        var reader = TableReader(data)
        var end: UInt32 = 0
        while let gap = reader.number(), let length = reader.number() {
            starts.append(end &+ gap)
            end = end &+ gap &+ length
            ends.append(end)
            values.append(withValues ? reader.number() ?? 0 : 1)
        }
    }

    /// The value of the range `code` is in, or 0. O(log n).
    func value(of code: UInt32) -> UInt32 {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low &+ high) >> 1
            if ends[middle] <= code { low = middle &+ 1 } else { high = middle }
        }
        return low < starts.count && starts[low] <= code ? values[low] : 0
    }

    func contains(_ code: UInt32) -> Bool { value(of: code) != 0 }
}

/// Reads the numbers of one generated table.
private struct TableReader {
    private let text: [UInt8]
    private var offset = 0

    init(_ data: StaticString) {
        text = data.withUTF8Buffer { unsafe [UInt8]($0) }
    }

    /// The next number, or nil at the end.
    mutating func number() -> UInt32? {
        guard offset < text.count else { return nil }
        var result: UInt32 = 0
        var shift: UInt32 = 0
        while offset < text.count {
            let bits = Self.value(of: text[offset])
            offset &+= 1
            result |= (bits & 31) << shift
            shift &+= 5
            if bits < 32 { break }
        }
        return result
    }

    private static func value(of letter: UInt8) -> UInt32 {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter &- UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter &- UInt8(ascii: "a")) &+ 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter &- UInt8(ascii: "0")) &+ 52
        case UInt8(ascii: "-"): 62
        default: 63
        }
    }
}
