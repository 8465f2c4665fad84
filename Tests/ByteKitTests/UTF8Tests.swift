import Testing

@testable import ByteKit

@Suite("UTF-8") struct UTF8Tests {
    @Test("agrees with the standard library on every pair and on sequences that begin like long ones")
    func agrees() {
        func check(_ bytes: [UInt8]) {
            let mine = bytes.withSpan { $0.isUTF8 }
            let theirs = String(validating: bytes, as: UTF8.self) != nil
            if mine != theirs { Issue.record("\(bytes)") }
        }
        let samples: [UInt8] = [0, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF]
        for a in UInt8.min...UInt8.max {
            check([a])
            for b in samples {
                check([a, b])
                for c in samples { check([a, b, c]); check([a, b, c, 0xBF]); check([0x41] + [a, b, c] + [0x80]) }
            }
        }
        check(Array("Zürich ist schön, 東京 auch 🎉 und mehr".utf8))
    }
}
