internal import CLinux

/// A regular expression for names: POSIX extended, as the C library reads it, with `\d` and `\D` besides. Immutable; any
/// thread may match.
@safe public final class NamePattern: Sendable {
    /// As it stands in the file, without the `/`.
    public let text: String
    private nonisolated(unsafe) let compiled: OpaquePointer

    /// Why there is none.
    struct Refusal: Error {
        let reason: String
    }

    private static let longest = 1_000
    /// Longer names match no pattern: no server has any.
    private static let longestName = 256

    init(_ text: String) throws(Refusal) {
        self.text = text
        guard text.utf8.count <= Self.longest else {
            throw Refusal(reason: "it is longer than \(Self.longest) bytes")
        }
        let pattern = try Self.translated(Array(text.utf8))
        var why = [CChar](repeating: 0, count: 128)
        let made = unsafe why.withUnsafeMutableBufferPointer { room -> OpaquePointer? in
            guard let base = room.baseAddress else { return nil }
            return unsafe headgate_regex_make(String(decoding: pattern, as: UTF8.self), base, room.count - 1)
        }
        guard let made = unsafe made else {
            let end = why.firstIndex(of: 0) ?? why.endIndex
            throw Refusal(reason: String(decoding: why[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        unsafe compiled = made
    }

    deinit { unsafe headgate_regex_free(compiled) }

    /// How many groups it has.
    var groups: Int { unsafe headgate_regex_groups(compiled) }

    /// Whether it is found anywhere in `name`.
    public func matches(_ name: String) -> Bool { firstGroup(of: name) != nil }

    /// What its first group matched, empty if nothing; nil if `name` does not match.
    func firstGroup(of name: String) -> String? {
        guard name.utf8.count <= Self.longestName, !name.utf8.contains(0) else { return nil }
        var (start, end): (Int64, Int64) = (-1, -1)
        guard unsafe headgate_regex_match(compiled, name, &start, &end) == 1 else { return nil }
        let bytes = Array(name.utf8)
        guard start >= 0, end >= start, end <= Int64(bytes.count) else { return "" }
        return String(decoding: bytes[Int(start)..<Int(end)], as: UTF8.self)
    }

    /// PostgreSQL's expressions are richer than the C library's. What would mean something else is refused, `\d` and `\D`
    /// are written out.
    private static func translated(_ pattern: [UInt8]) throws(Refusal) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        var inBracket = false
        var copies = 1
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            if inBracket {
                if byte == UInt8(ascii: "\\") {
                    throw Refusal(reason: "a backslash in brackets means itself here, and an escape in PostgreSQL")
                }
                if byte == UInt8(ascii: "]") { inBracket = false }
                out.append(byte)
                continue
            }
            switch byte {
            case UInt8(ascii: "["):
                inBracket = true
                out.append(byte)
                // The first of a list may be a bracket itself.
                if index < pattern.count, pattern[index] == UInt8(ascii: "^") { out.append(take(pattern, &index)) }
                if index < pattern.count, pattern[index] == UInt8(ascii: "]") { out.append(take(pattern, &index)) }
            case UInt8(ascii: "{"):
                out.append(byte)
                copies = try multiplied(copies, pattern[index...])
            case UInt8(ascii: "\\"):
                guard index < pattern.count else { throw Refusal(reason: "a backslash has nothing behind it") }
                try escape(take(pattern, &index), into: &out)
            case UInt8(ascii: "?"), UInt8(ascii: "*"), UInt8(ascii: "+"):
                let isSpecial = out.last == UInt8(ascii: "(") || isQuantifier(pattern, index - 2)
                if byte == UInt8(ascii: "?"), isSpecial {
                    throw Refusal(reason: "(?…) and non-greedy quantifiers are not understood")
                }
                out.append(byte)
            default: out.append(byte)
            }
        }
        return out
    }

    private static func take(_ pattern: [UInt8], _ index: inout Int) -> UInt8 {
        defer { index += 1 }
        return pattern[index]
    }

    private static func isQuantifier(_ pattern: [UInt8], _ index: Int) -> Bool {
        guard pattern.indices.contains(index), Array("?*+}".utf8).contains(pattern[index]) else { return false }
        return index == 0 || pattern[index - 1] != UInt8(ascii: "\\")
    }

    private static func escape(_ byte: UInt8, into out: inout [UInt8]) throws(Refusal) {
        switch byte {
        case UInt8(ascii: "d"): out += Array("[0-9]".utf8)
        case UInt8(ascii: "D"): out += Array("[^0-9]".utf8)
        case UInt8(ascii: "w"), UInt8(ascii: "W"), UInt8(ascii: "s"), UInt8(ascii: "S"):
            out += [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...0xFF:
            let shown = String(decoding: [byte], as: UTF8.self)
            throw Refusal(reason: "\\\(shown) is not understood, only \\d, \\D, \\w, \\W, \\s and \\S are")
        default: out += [UInt8(ascii: "\\"), byte]
        }
    }

    /// The C library writes repetitions out, so nested ones grow without bound.
    private static func multiplied(_ copies: Int, _ rest: ArraySlice<UInt8>) throws(Refusal) -> Int {
        let bounds = rest.prefix { $0 != UInt8(ascii: "}") }.split(separator: UInt8(ascii: ","))
        var largest = 1
        for bound in bounds {
            guard let number = Int(String(decoding: bound, as: UTF8.self)) else { return copies }
            largest = max(largest, min(number, 10_000))
        }
        let product = copies * largest
        guard product <= 1_000 else { throw Refusal(reason: "it repeats too much: {…} together at most 1000 times") }
        return product
    }
}

extension NamePattern: Hashable {
    /// Whether both are written the same.
    public static func == (one: NamePattern, other: NamePattern) -> Bool { one.text == other.text }
    /// Of what is written.
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
