import ByteKit
import PostgresWire

/// `size` bytes of messages as a server sends them: T, D, C, Z of a one-row result, again and again.
func reply(filling size: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ tag: Unicode.Scalar, _ body: [UInt8]) {
        let length = UInt32(body.count + 4)
        bytes.append(UInt8(ascii: tag))
        bytes += [UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
        bytes += body
    }
    while bytes.count < size {
        append("T", [0, 1] + Array("abalance".utf8) + [UInt8](repeating: 0, count: 19))
        append("D", [0, 1, 0, 0, 0, 1, 48])
        append("C", Array("SELECT 1".utf8) + [0])
        append("Z", [73])
    }
    return bytes
}

let framing = [
    Case(name: "framing-64KiB", operation: "cut 64 KiB of one-row replies into messages", count: 200) { count in
        var bytes = reply(filling: 65536)
        let last = bytes.count - 1
        var sum: UInt64 = 0
        for round in 0..<count {
            bytes[last] = UInt8(truncatingIfNeeded: round)  // or the optimiser sees that every round is the same
            sum &+= countMessages(bytes)
        }
        return sum
    }
]

/// How many whole messages `bytes` holds.
@inline(never)
func countMessages(_ bytes: [UInt8]) -> UInt64 {
    bytes.withSpan { span in
        var position = 0
        var messages: UInt64 = 0
        while case .header(_, _, let end) = scanFrame(span, at: position), end <= span.byteCount {
            position = end
            messages &+= 1
        }
        return messages
    }
}
