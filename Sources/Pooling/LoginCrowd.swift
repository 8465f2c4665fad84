/// The clients of one worker that have not logged in, and who goes when there are too many: of sixteen at random one that only
/// waits to be told that its login has failed, else one of the address that has the most of them. So whoever crowds the
/// door makes room, not who comes alone. Each operation takes constant time.
public struct LoginCrowd {
    private struct Member {
        let slot: UInt32
        let source: ClientSource
        var hasFailed = false
    }

    private static let tries = 16

    private var members: [Member] = []
    private var places: [UInt32: Int] = [:]
    private var counts: [ClientSource: Int] = [:]

    /// Nobody.
    public init() {}

    /// How many there are.
    public var count: Int { members.count }

    /// How many of them wait to be told that their login has failed.
    public private(set) var failed = 0

    /// Somebody has come.
    public mutating func add(_ slot: UInt32, from source: ClientSource) {
        if places[slot] != nil { _ = remove(slot) }
        places[slot] = members.count
        members.append(Member(slot: slot, source: source))
        counts[source, default: 0] += 1
    }

    /// Its login has failed, and it is to be told later.
    public mutating func fail(_ slot: UInt32) {
        guard let place = places[slot], !members[place].hasFailed else { return }
        members[place].hasFailed = true
        failed += 1
    }

    /// It has logged in, or gone; false if it was not there.
    public mutating func remove(_ slot: UInt32) -> Bool {
        guard let place = places.removeValue(forKey: slot), let last = members.popLast() else { return false }
        var gone = last
        if place < members.count {
            gone = members[place]
            members[place] = last
            places[last.slot] = place
        }
        if gone.hasFailed { failed -= 1 }
        let left = counts[gone.source, default: 1] - 1
        counts[gone.source] = left > 0 ? left : nil
        return true
    }

    /// Who is to go; nil if nobody is there. `random` answers a number below its argument.
    public func victim(random: (Int) -> Int) -> UInt32? {
        guard !members.isEmpty else { return nil }
        var worst: (slot: UInt32, weight: Int)?
        for _ in 0..<Self.tries {
            let member = members[min(max(random(members.count), 0), members.count - 1)]
            let weight = member.hasFailed ? .max : counts[member.source, default: 1]
            if weight > worst?.weight ?? 0 { worst = (member.slot, weight) }
        }
        return worst?.slot
    }
}
