import Testing

@testable import Sessions

@Suite("Replies a server owes")
struct ExpectedRepliesTests {
    @Test("they come in the order they were asked for, however many there are")
    func order() {
        var expected = ExpectedReplies()
        let kinds: [ExpectedKind] = [.parse, .bind, .execute, .sync]
        for round in 0..<1000 {
            expected.append(Expected(kinds[round % 4], hidden: round % 3 == 0, tracked: round % 5 == 0))
        }
        #expect(expected.count == 1000 && expected.syncs == 250)
        for round in 0..<1000 {
            let next = expected.popFirst()
            #expect(next?.kind == kinds[round % 4])
            #expect(next?.isHidden == (round % 3 == 0) && next?.isTracked == (round % 5 == 0))
        }
        let none = expected.popFirst()
        #expect(expected.isEmpty && expected.syncs == 0 && none == nil)
    }

    @Test("a Sync behind a COPY is taken out")
    func removesSecond() {
        var expected = ExpectedReplies()
        for kind in [ExpectedKind.query, .sync, .parse] { expected.append(Expected(kind)) }
        expected.removeSecond()
        #expect(expected.count == 2 && expected.syncs == 1)
        #expect(expected.first?.kind == .query && expected[1]?.kind == .parse && expected[2] == nil)
    }
}
