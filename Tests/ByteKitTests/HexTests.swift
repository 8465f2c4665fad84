import ByteKit
import Testing

@Suite struct HexTests {
    @Test func everyByteComesBack() {
        let all = [UInt8](0...255)
        let text = Hex.encode(all)
        #expect(text.count == 512)
        #expect(Hex.decode(text) == all)
        #expect(Hex.encode([0x0f, 0xa0]) == [UInt8]("0fa0".utf8))
        #expect(Hex.encode([]).isEmpty && Hex.decode([]) == [])
    }

    @Test func eitherCaseIsRead() {
        #expect(Hex.decode([UInt8]("aBCdeF".utf8)) == [0xab, 0xcd, 0xef])
    }

    @Test(arguments: ["a", "abc", "0g", "g0", " a", "0x", "@@", "``", "//", "::", "\u{e9}"])
    func anythingElseIsRefused(_ text: String) {
        #expect(Hex.decode([UInt8](text.utf8)) == nil)
    }

    @Test func digits() {
        #expect((0..<20).map { Hex.digit($0) } == [UInt8]("0123456789abcdef0123".utf8))
    }
}
