import ByteKit
import Testing

@testable import SQLText

@Suite struct CacheTests {
    private func look(_ cache: StatementCache, _ text: String, _ types: [UInt8] = []) -> StatementEntry {
        with(text) { span in unsafe cache.entry(text: span, types: types.span.bytes) }
    }

    @Test func findsAgain() {
        let cache = StatementCache()
        let first = look(cache, "SELECT 1")
        #expect(look(cache, "SELECT 1") === first)
        #expect(look(cache, "SELECT 1", [0, 0, 0, 23]) !== first)
        #expect(look(cache, "SELECT 2") !== first)
        #expect(cache.hits == 1 && cache.misses == 3 && first.serial == 1)
        #expect(first.textLength == 8 && first.withKey { $0.byteCount } == 8)
        #expect(look(cache, "SELECT 1", [0, 0, 0, 23]).withKey { $0.toArray().suffix(4) } == [0, 0, 0, 23])
    }

    @Test func knownShapesAreNotParsedAgain() {
        let cache = StatementCache()
        _ = look(cache, "SELECT a FROM t WHERE id = 1")
        for id in 2..<50 {
            let entry = look(cache, "  SELECT a FROM t WHERE id = \(id) ;")
            #expect(entry.facts.statements[0].tables == ["t"])
            #expect(entry.facts.statements[0].range == 2..<(29 + String(id).utf8.count))
        }
        #expect(cache.parses == 1)
    }

    @Test func settingsOfQuotingTellTextsApart() {
        let cache = StatementCache()
        let text = "SELECT 'a\\'; DELETE FROM t; --'"
        let off = LexerOptions(standardConformingStrings: false)
        with(text) { span in
            let plain = cache.entry(text: span, types: RawSpan())
            let other = cache.entry(text: span, types: RawSpan(), options: off)
            #expect(plain.facts.statements.map(\.kind) == [.select, .delete])
            #expect(other.facts.statements.map(\.kind) == [.select] && !other.facts.flags.contains(.unparsed))
            #expect(cache.entry(text: span, types: RawSpan(), options: off) === other)
            #expect(cache.entry(text: span, types: RawSpan(), options: LexerOptions()) === plain)
        }
        with("SELECT 'a'") { span in
            let plain = cache.entry(text: span, types: RawSpan())
            #expect(cache.entry(text: span, types: RawSpan(), options: off) === plain)
        }
    }

    @Test func staysWithinBounds() {
        let cache = StatementCache(maxEntries: 8)
        let kept = look(cache, "SELECT kept")
        var serials: Set<UInt64> = []
        for index in 0..<1000 {
            serials.insert(look(cache, "SELECT c\(index)").serial)
            #expect(cache.count <= 8)
            #expect(look(cache, "SELECT kept") === kept)
        }
        #expect(serials.count == 1000)
        let small = StatementCache(maxEntries: 1000, maxBytes: 5000)
        for index in 0..<100 { _ = look(small, "SELECT c\(index)") }
        #expect(small.byteCount <= 5000 && small.count > 5)
        let long = look(small, "SELECT '" + String(repeating: "x", count: 70_000) + "'")
        #expect(!long.cacheable && long.facts.statements.count == 1)
    }

    @Test func survivesRandomUse() {
        var random = SplitMix(1)
        let cache = StatementCache(seed: Hash64(seed: 1), maxEntries: 50)
        for _ in 0..<20_000 {
            let number = random.next() % 120
            let entry = look(cache, "SELECT \(number)")
            #expect(entry.withText { $0.toArray() } == Array("SELECT \(number)".utf8))
        }
        #expect(cache.hits + cache.misses == 20_000)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
