import FuzzTargets
import Testing

/// What fuzzing found, and what it starts from.
@Suite struct FuzzTargetsTests {
    @Test(arguments: FuzzTarget.allCases)
    func seedsHold(_ target: FuzzTarget) {
        for seed in target.seeds { #expect(target.run(seed) == nil, "\(seed)") }
        #expect(target.run([]) == nil)
    }

    /// A server that goes on completing statements of a Query it has failed: counting them overflowed.
    @Test func statementsThatCompleteBehindTheError() {
        let found: [UInt8] = [
            0, 2, 0, 11, 82, 79, 76, 76, 66, 65, 67, 75, 140, 140, 140, 140, 140, 140, 111, 2, 0, 11, 126, 5, 4, 147,
            13, 11, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141, 141,
            2, 0, 12, 122, 5, 36, 12, 147, 13, 5, 5, 12, 126, 5, 36, 4, 147, 13, 5, 58,
        ]
        #expect(FuzzTarget.relay.run(found) == nil)
    }

    /// Half a character of SJIS or GB18030, and `[` behind a blank: the normal form made one character of them.
    @Test func halfACharacter() {
        #expect(FuzzTarget.sql.run([0x42, 0xCD, 0x20, 0x5B, 0x31]) == nil)
        #expect(FuzzTarget.sql.run([0x82, 0x20, 0x5D, 0x28]) == nil)
    }

    /// A name that begins with a digit, and a dot.
    @Test func namesOfDigits() {
        #expect(FuzzTarget.sql.run(Array("2AL .\u{0} 9ALL".utf8)) == nil)
        #expect(FuzzTarget.sql.run(Array("00E./*!.".utf8)) == nil)
    }

    /// A name that is no UTF-8 was repaired on its way into the replay.
    @Test func foundInMySQLTexts() {
        let found: [UInt8] = [0x53, 0x45, 0x54, 0x20, 0x62, 0xCB, 0x20, 0x3D, 0x20, 0xBE, 0x44]
        #expect(FuzzTarget.mysqltext.run(found) == nil)
        // A column that becomes its own name, with a back-tick that is half a character of GBK.
        let name: [UInt8] = Array("SELECT f(FOUND_ROWS(), \u{0}".utf8) + [0xBB, 0x60, 0x29]
        #expect(FuzzTarget.mysqltext.run(name) == nil)
        // A NUL is no blank.
        #expect(FuzzTarget.mysqltext.run(Array("delete\u{0}?;\u{0}".utf8)) == nil)
        // A variable with brackets.
        #expect(FuzzTarget.mysqltext.run(Array("SELECT @@ LAST_INSERT_ID()".utf8)) == nil)
        // `:=` with nothing to assign to.
        #expect(FuzzTarget.mysqltext.run(Array("SELECT a:=LECT *b".utf8)) == nil)
    }

    /// Every seed, cut off at each byte.
    @Test(arguments: FuzzTarget.allCases)
    func partsOfSeedsHold(_ target: FuzzTarget) {
        for seed in target.seeds {
            for end in stride(from: 0, to: seed.count, by: max(1, seed.count / 64)) {
                #expect(target.run(Array(seed[..<end])) == nil, "\(seed[..<end])")
            }
        }
    }
}
