import Testing

@testable import Credentials

@Suite struct SASLprepTests {
    /// RFC 4013 section 3, and what PostgreSQL makes of the same and of others. nil: refused, so taken as it is.
    @Test(
        arguments: [
            ("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{aa}", "a"), ("\u{2168}", "IX"),
            ("\u{7}", "\u{7}"), ("\u{e9}\u{7}", nil), ("\u{627}1", nil), ("\u{627}1\u{628}", "\u{627}1\u{628}"),
            ("\u{627}a\u{628}", nil), ("a\u{a0}b", "a b"), ("\u{200b}\u{e9}", " \u{e9}"), ("\u{ad}", nil),
            ("e\u{301}", "\u{e9}"), ("\u{fb01}", "fi"), ("\u{1100}\u{1161}\u{11a8}", "\u{ac01}"),
            ("\u{ac01}", "\u{ac01}"), ("\u{221}", nil), ("\u{e000}", nil), ("\u{1f600}", nil), ("", ""),
            ("a\u{323}\u{307}", "\u{1ea1}\u{307}"), ("a\u{307}\u{323}", "\u{1ea1}\u{307}"), ("\u{340}", nil),
        ] as [(String, String?)])
    func examples(_ password: String, _ expected: String?) {
        let prepared = SASLprep.prepared(SecretBytes(password))
        #expect(prepared.revealed() == [UInt8]((expected ?? password).utf8))
    }

    @Test(
        arguments: [
            [0xff], [0x61, 0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3], [0xe2, 0x82],
            [0x80, 0x61],
        ] as [[UInt8]])
    func whatIsNoUTF8IsTakenAsItIs(_ bytes: [UInt8]) {
        #expect(SASLprep.prepared(SecretBytes(bytes)).revealed() == bytes)
    }

    // The digests are those of scripts/expect-saslprep.py.
    @Test func everyCharacterIsPreparedAsByPython() {
        var lines: [UInt8] = []
        for range in [0x1..<0xd800, 0xe000..<0x30000, 0xe0000..<0xe0200] as [Range<UInt32>] {
            for code in range { Self.record([code], &lines) }
        }
        #expect(Self.digest(lines) == "9793ba9eb09f49de1428be26632d512e91d7f4a9f78e998cbc7c553a7735b086")
    }

    @Test func randomStringsArePreparedAsByPython() {
        let ranges: [Range<UInt32>] = [
            0x20..<0x7f, 0xa0..<0x250, 0x300..<0x370, 0x300..<0x315, 0x390..<0x3d0, 0x5b0..<0x5f0, 0x600..<0x660,
            0x900..<0x980, 0x9be..<0x9d8, 0xe30..<0xe50, 0x1100..<0x1200, 0x1160..<0x11c3, 0x1e00..<0x2000,
            0x2000..<0x2100, 0x2100..<0x2200, 0x3040..<0x3100, 0xac00..<0xad00, 0xf900..<0xfb00, 0xfb00..<0xfe00,
            0xff00..<0xfff0, 0x1d150..<0x1d200, 0x2f800..<0x2fa20,
        ]
        var random = SeededGenerator(state: 4013)
        var lines: [UInt8] = []
        for _ in 0..<20000 {
            var codes: [UInt32] = []
            for _ in 0..<(1 + random.next() % 6) {
                let range = ranges[Int(random.next() % UInt64(ranges.count))]
                codes.append(range.lowerBound + UInt32(random.next() % UInt64(range.count)))
            }
            Self.record(codes, &lines)
        }
        #expect(Self.digest(lines) == "3e1cd8a9067220902f554a39907aee01d3a0db0e0686a17f4df4b5dcfaa596ef")
    }

    @Test func aLongPasswordOfMarksTakesNoTime() {
        let marks = String(repeating: "\u{323}\u{307}", count: 20_000)
        #expect(SASLprep.prepared(SecretBytes("a" + marks)).count > 79_000)
    }

    private static func record(_ codes: [UInt32], _ lines: inout [UInt8]) {
        var codes = codes
        if SASLprep.prepare(&codes, .shared) {
            for code in codes { lines += UTF8.encode(Unicode.Scalar(code) ?? "?") ?? UTF8.encodedReplacementCharacter }
        } else {
            lines.append(UInt8(ascii: "!"))
        }
        lines.append(UInt8(ascii: "\n"))
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        Digest.sha256(SecretBytes(bytes)).revealed().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
