import ByteKit
import MySQLWire
import SQLText

/// `size` bytes of packets as a server sends them to sysbench's point selects, again and again: head, definition, row,
/// end.
func mysqlReply(filling size: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var sequence: UInt8 = 0
    func append(_ body: [UInt8]) {
        sequence += 1
        bytes += [UInt8(body.count), 0, 0, sequence] + body
    }
    func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    let names = ["def", "bench", "sbtest1", "sbtest1", "c", "c"]
    let definition = names.flatMap(text) + [0x0C, 45, 0, 224, 1, 0, 0, 254, 1, 0, 0, 0, 0]
    while bytes.count < size {
        sequence = 0
        append([1])
        append(definition)
        append([119] + [UInt8](repeating: UInt8(ascii: "7"), count: 119))
        append([0xFE, 0, 0, 2, 0, 0, 0])
    }
    return bytes
}

/// Follows every reply in `bytes`; answers how many rows they had.
@inline(never)
func followReplies(_ bytes: [UInt8]) -> UInt64 {
    bytes.withSpan { span in
        var tracker = ReplyTracker([.protocol41, .deprecateEOF])
        var stream = PacketStream()
        var position = 0
        var rows: UInt64 = 0
        while position < span.byteCount {
            if tracker.isComplete { tracker.begin(.query) }
            guard case .head(let piece) = stream.next(in: span, at: position, head: ReplyTracker.headLength) else {
                break
            }
            _ = tracker.received(span.extracting(piece.body..<piece.end), length: piece.length)
            if tracker.isComplete { rows &+= tracker.summary.rows }
            position = piece.end
        }
        return rows
    }
}

/// Looks up a text that differs in its value each time: never in the cache, its fingerprint always known.
func missAgain(mysql text: [UInt8], valueEnds end: Int, _ count: Int) -> UInt64 {
    let cache = StatementCache(seed: Hash64(seed: 1), dialect: .mysql)
    let options = LexerOptions(dialect: .mysql)
    let noTypes: [UInt8] = []
    var text = text
    var sum: UInt64 = 0
    for round in 0..<count {
        var rest = round
        for place in 1...6 {
            text[end - place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        sum &+= text.withSpan { text in
            noTypes.withSpan { cache.entry(text: text, types: $0, options: options).serial }
        }
    }
    return sum
}

private let pointSelect = Array("SELECT c FROM sbtest1 WHERE id=000000".utf8)

let mysql = [
    Case(name: "mysql-replies-64KiB", operation: "follow 64 KiB of one-row replies", count: 200) { count in
        var bytes = mysqlReply(filling: 65536)
        let last = bytes.count - 1
        var sum: UInt64 = 0
        for round in 0..<count {
            bytes[last] = UInt8(truncatingIfNeeded: round)  // or the optimiser sees that every round is the same
            sum &+= followReplies(bytes)
        }
        return sum
    },
    Case(name: "mysql-cache-miss", operation: "a new value in sysbench's point select", count: 5_000) { count in
        missAgain(mysql: pointSelect, valueEnds: pointSelect.count, count)
    },
]
