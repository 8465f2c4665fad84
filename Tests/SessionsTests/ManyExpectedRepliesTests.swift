import Testing

@testable import Sessions

/// The replies a server owes, compared with a plain array of the same.
@Suite struct ManyExpectedRepliesTests {
    private static let kinds: [ExpectedKind] = [.parse, .bind, .execute, .sync, .query, .functionCall, .endOfCopyData]

    private func same(_ replies: ExpectedReplies, _ model: [Expected]) -> Bool {
        guard replies.count == model.count, replies.isEmpty == model.isEmpty else { return false }
        let syncs = model.filter { $0.kind == .sync || $0.kind == .query || $0.kind == .functionCall }.count
        guard replies.syncs == syncs, replies[model.count] == nil, replies[-1] == nil else { return false }
        guard equal(replies.first, model.first) else { return false }
        return model.indices.allSatisfy { equal(replies[$0], model[$0]) }
    }

    private func equal(_ one: Expected?, _ other: Expected?) -> Bool {
        one?.kind == other?.kind && one?.isHidden == other?.isHidden && one?.isTracked == other?.isTracked
    }

    @Test func fewLieInTheWordManyBehindIt() {
        var replies = ExpectedReplies()
        var model: [Expected] = []
        for index in 0..<5000 {
            let expected = Expected(Self.kinds[index % 7], hidden: index % 3 == 0, tracked: index % 5 == 0)
            replies.append(expected)
            model.append(expected)
            if index < 100 { #expect(same(replies, model)) }
        }
        #expect(same(replies, model))
        while !model.isEmpty {
            #expect(equal(replies.popFirst(), model.removeFirst()))
            if model.count < 100 { #expect(same(replies, model)) }
        }
        #expect(replies.popFirst() == nil)
        #expect(same(replies, model))
    }

    @Test func anyOrderOfAddingAndTaking() {
        var random = UInt64(42)
        func next(_ limit: UInt64) -> UInt64 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (random >> 33) % limit
        }
        for round in 0..<20 {
            var replies = ExpectedReplies()
            var model: [Expected] = []
            // The length wanders around the border between the word and what is behind it.
            for _ in 0..<400 {
                switch next(16) {
                case 0 where model.count > 1:
                    replies.removeSecond()
                    model.remove(at: 1)
                case 1 where round % 5 == 0:
                    replies.removeAll()
                    model.removeAll()
                case 2...8 where !model.isEmpty:
                    #expect(equal(replies.popFirst(), model.removeFirst()))
                default:
                    let expected = Expected(
                        Self.kinds[Int(next(7))], hidden: next(2) == 0, tracked: next(2) == 0)
                    replies.append(expected)
                    model.append(expected)
                }
                #expect(same(replies, model))
            }
        }
    }

    @Test func theSecondOfOneIsNobody() {
        var replies = ExpectedReplies()
        replies.append(Expected(.query))
        replies.removeSecond()
        #expect(replies.count == 1)
        #expect(replies.first?.kind == .query)
    }
}
