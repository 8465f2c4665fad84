/// Finds what somebody meant to write.
enum Suggestion {
    /// The word of `words` closest to `written`, if one is close enough to be a slip of the pen. A word that begins or
    /// ends with what was written counts as one slip: `pool_size` is `default_pool_size`.
    static func closest(to written: String, among words: some Sequence<String>) -> String? {
        let target = Array(lowered(written))
        let limit = max(1, min(3, target.count / 3))
        var best: (word: String, distance: Int)?
        for word in words {
            let candidate = Array(lowered(word))
            let isPart =
                target.count >= 5
                && (candidate.starts(with: target) || candidate.suffix(target.count).elementsEqual(target))
            let distance = isPart ? 1 : editDistance(target, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (word, distance) }
        }
        return best?.word
    }

    /// `did you mean "…"?`, or `otherwise` when nothing is close.
    static func phrase(for written: String, among words: some Sequence<String>, otherwise: String) -> String {
        guard let word = closest(to: written, among: words) else { return otherwise }
        return "did you mean \(quoted(word))?"
    }

    /// Case and the choice between `-` and `_` never make a difference worth more than a hint.
    private static func lowered(_ text: String) -> [UInt8] {
        text.utf8.prefix(80).map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            default: byte
            }
        }
    }

    /// Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment).
    static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var row = [i + 1]
            for (j, y) in b.enumerated() {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (x == y ? 0 : 1))
                if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}

/// `text` as a TOML basic string.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default:
            if scalar.value < 0x20 || scalar.value == 0x7f {
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }
    return result + "\""
}
