import ByteKit
import Testing

@Suite struct ByteCursorTests {
    @Test func readsInOrder() {
        let bytes: [UInt8] = [7, 0x80, 0x01, 0xff, 0xff, 0xff, 0xfe, 0x68, 0x69, 0, 0, 1, 2, 3]
        var cursor = ByteCursor(unsafe bytes.span.bytes)
        #expect(cursor.u8() == 7)
        #expect(cursor.i16() == -32767)
        #expect(cursor.i32() == -2)
        let name = cursor.cString()
        #expect(name == 7..<9)
        if let name { #expect(cursor.string(name) == "hi") }
        let empty = cursor.cString()
        #expect(empty == 10..<10)
        #expect(cursor.remaining == 3)
        #expect(cursor.take(3) == 11..<14)
        #expect(cursor.take(0) == 14..<14)
        #expect(cursor.remaining == 0)
    }

    @Test(arguments: 0..<4)
    func nothingIsReadPastTheEnd(_ count: Int) {
        let bytes = [UInt8](repeating: 1, count: count)
        var cursor = ByteCursor(unsafe bytes.span.bytes)
        let number = cursor.i32()
        let string = cursor.cString()
        let range = cursor.take(count + 1)
        #expect(number == nil && string == nil && range == nil)
        #expect(cursor.offset == 0)
        if count < 2 {
            let short = cursor.i16()
            #expect(short == nil)
        }
        for _ in 0..<count { #expect(cursor.u8() == 1) }
        let past = cursor.u8()
        #expect(past == nil)
        #expect(cursor.offset == count)
    }

    @Test func hostileLengthsAreRefused() {
        let bytes: [UInt8] = [1, 2, 3]
        var cursor = ByteCursor(unsafe bytes.span.bytes)
        _ = cursor.u8()
        for count in [-1, Int.min, 3, Int.max] {
            let range = cursor.take(count)
            #expect(range == nil)
        }
        #expect(cursor.offset == 1)
    }

    @Test func brokenTextIsRepaired() {
        let bytes: [UInt8] = [0x61, 0xff, 0x62, 0]
        var cursor = ByteCursor(unsafe bytes.span.bytes)
        let range = cursor.cString()
        #expect(range == 0..<3)
        if let range { #expect(cursor.string(range) == "a\u{fffd}b") }
    }
}
