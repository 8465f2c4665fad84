import Testing

@testable import Settings

/// No file, however broken, stops the process; and a configuration comes exactly when no error does.
@Suite("Broken files")
struct MutationTests {
    private static let pieces = [
        "[", "]", "[[", "]]", "\"", "'", "=", "{", "}", ".", ",", "#", "\n", "\\u0000", "\"\"\"", "-1", "1e400", "nan",
        "9223372036854775807", "-9223372036854775808", "0x7fff", "1979-05-27", "true", "\u{feff}", "é", "unix:", "*:0",
        "99999999999999999999d", "5s", "[[[[[[[[[[[[[[[[", "a.b.c.d.e.f", "\u{0}",
    ]

    private func mutate(_ text: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var text = text
        for _ in 0...Int.random(in: 0...4, using: &dice) {
            let at = Int.random(in: 0..<max(1, text.count), using: &dice)
            let length = min(Int.random(in: 0...20, using: &dice), text.count - at)
            switch Int.random(in: 0..<5, using: &dice) {
            case 0: text.removeSubrange(at..<(at + length))
            case 1: text.insert(contentsOf: Array(text[at..<(at + length)]), at: at)
            case 2: text.insert(contentsOf: Array((Self.pieces.randomElement(using: &dice) ?? "").utf8), at: at)
            case 3: if at < text.count { text[at] = UInt8.random(in: 0...255, using: &dice) }
            default: text = Array(text.prefix(at))
            }
            if text.isEmpty { break }
        }
        return text
    }

    @Test(arguments: 0..<8)
    func neverStopTheProcess(_ seed: Int) {
        var dice = Dice(state: UInt64(seed))
        let good = Array(EveryKeyTests.everything.utf8)
        for _ in 0..<150 {
            let text = mutate(good, &dice)
            let result = SettingsLoader.decode(text, file: "m.toml", environment: calm)
            #expect((result.configuration == nil) == !result.errors.isEmpty)
            for problem in result.problems {
                #expect(problem.line >= 1 && problem.column >= 1)
                #expect(!problem.message.isEmpty)
            }
        }
    }

    /// Every value in turn is replaced by one of another type: exactly its own line complains.
    @Test(arguments: ["-7", "\"\"", "true", "1.5", "1979-05-27", "[]", "[[1]]", "{ a = 1 }"])
    func everyValueOfEveryWrongType(_ value: String) {
        let lines = EveryKeyTests.everything.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard let equals = line.firstRange(of: " = ") else { continue }
            var changed = lines
            changed[index] = line[..<equals.lowerBound] + " = " + value
            let result = load(changed.joined(separator: "\n"))
            #expect((result.configuration == nil) == !result.errors.isEmpty)
        }
    }

    /// What made toml++ 3.3 abort, or worse, before the shim took its assertions away.
    @Test(arguments: [
        "[=", "[[=", "\u{e9} = 1", "a\u{e9} = 1", "\u{e9}", "a = 1 \u{b2}", "[\u{e9}]", "\u{feff}\u{feff}", ".",
    ])
    func whatTheParserOnlyAsserts(_ text: String) {
        #expect(!problems(text).isEmpty)
    }

    @Test func otherLettersStandWhereTomlAllowsThem() throws {
        let text =
            sound + "# \u{fc}ber \u{65e5}\u{672c}\n[user.\"J\u{fc}rgen\"]\npassword = { env = \"P\" }\npool_mod = 1\n"
        #expect(
            problems(text) == [
                ##"t.toml:7:1: error: unknown key "pool_mod" in [user."J\##u{fc}rgen"], there is no such setting, did you mean "pool_mode"?"##
            ])
    }

    @Test func deepNestingIsRefused() {
        let deep = problems("a = " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100))
        #expect(deep.count == 1)
        #expect(deep.first?.contains("nested too deep") == true)
        let dotted = problems(String(repeating: "a.", count: 100) + "a = 1")
        #expect(dotted.first?.contains("nested too deep") == true)
        #expect(!problems("a = " + String(repeating: "[", count: 100_000)).isEmpty)
    }
}
