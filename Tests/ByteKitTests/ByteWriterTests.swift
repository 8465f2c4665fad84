import Testing

@testable import ByteKit

@Suite struct ByteWriterTests {
    @Test func everythingWrittenIsThereInOrder() {
        var writer = ByteWriter()
        var model: [UInt8] = []
        for round in 0..<300 {
            let byte = UInt8(truncatingIfNeeded: round)
            writer.u8(byte)
            writer.i16(-2)
            writer.u32(0x0102_0304)
            writer.raw([byte, byte])
            [byte, 7].withSpan { writer.span($0) }
            writer.cString("a\0b")
            writer.decimal(UInt64(round))
            writer.hexadecimal(UInt64(round))
            model += [byte, 0xFF, 0xFE, 1, 2, 3, 4, byte, byte, byte, 7, 0x61, 0x62, 0]
            model += Array(String(round).utf8) + Array(String(round, radix: 16).utf8)
        }
        #expect(writer.count == model.count)
        #expect(writer.withBytes { $0.toArray() } == model)
        #expect(writer.take() == model)
        #expect(writer.count == 0)
        #expect(writer.take().isEmpty)
    }

    @Test func nothingIsPatchedOutsideWhatIsWritten() {
        var writer = ByteWriter(capacity: 1)
        writer.u32(0)
        writer.patch(-1, .max)
        writer.patch(1, .max)
        #expect(writer.withBytes { $0.toArray() } == [0, 0, 0, 0])
        writer.patch(0, 0x0A0B_0C0D)
        #expect(writer.withBytes { $0.toArray() } == [10, 11, 12, 13])
    }

    @Test func roomIsKeptUnlessItHasGrownLarge() {
        var writer = ByteWriter()
        writer.raw([UInt8](repeating: 1, count: 100))
        writer.reset()
        writer.raw([2, 3])
        #expect(writer.withBytes { $0.toArray() } == [2, 3])
        writer.reset(keeping: 10)
        writer.raw([])
        #expect(writer.take().isEmpty)
        writer.u8(4)
        #expect(writer.take() == [4])
    }
}
