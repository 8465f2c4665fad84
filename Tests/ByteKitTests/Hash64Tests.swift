import ByteKit
import Testing

@Suite struct Hash64Tests {
    static func hash(_ bytes: [UInt8], seed: UInt64 = 1) -> UInt64 {
        let span = unsafe bytes.span.bytes
        return Hash64(seed: seed)(span)
    }

    @Test func equalBytesHashAlikeWhereverTheyLie() {
        let bytes = [UInt8](0..<200)
        for count in 0...100 {
            let one = [UInt8](bytes[..<count])
            let shifted = [0xff] + one
            let span = unsafe shifted.span.bytes
            #expect(Hash64(seed: 1)(span.extracting(1..<(count + 1))) == Self.hash(one))
        }
    }

    @Test func everyBitCounts() {
        for count in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64] {
            let bytes = [UInt8](repeating: 0x5a, count: count)
            var seen: Set<UInt64> = [Self.hash(bytes)]
            for bit in 0..<(count * 8) {
                var changed = bytes
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                seen.insert(Self.hash(changed))
            }
            #expect(seen.count == count * 8 + 1, "\(count) bytes")
        }
    }

    @Test func lengthAndSeedCount() {
        let lengths = Set((0..<100).map { Self.hash([UInt8](repeating: 0, count: $0)) })
        #expect(lengths.count == 100)
        #expect(Self.hash([1, 2, 3], seed: 1) != Self.hash([1, 2, 3], seed: 2))
    }

    @Test func mixDependsOnBothAndTheirOrder() {
        let hash = Hash64(seed: 9)
        #expect(hash.mix(1, 2) == hash.mix(1, 2))
        #expect(Set([hash.mix(1, 2), hash.mix(2, 1), hash.mix(1, 3), hash.mix(2, 2)]).count == 4)
        #expect(hash.mix(1, 2) != Hash64(seed: 10).mix(1, 2))
    }

    @Test func lowBitsSpread() {
        // Tables take the low bits: 4096 short keys into 256 buckets, 16 each if perfect.
        var buckets = [Int](repeating: 0, count: 256)
        for number in 0..<4096 {
            buckets[Int(Self.hash([UInt8]("stmt_\(number)".utf8)) & 255)] += 1
        }
        #expect(buckets.allSatisfy { $0 > 0 && $0 < 48 })
    }
}
