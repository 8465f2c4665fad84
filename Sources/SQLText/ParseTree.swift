internal import ByteKit

/// The parse tree of libpg_query, read from its JSON: a flat list of nodes in the order of the text, each knowing where
/// its subtree ends. Building and walking take no recursion, so no depth of nesting can exhaust the stack.
struct ParseTree {
    /// One value with the key it stands under.
    struct Node {
        /// The key, without quotes; empty in a list.
        var key: Range<UInt32>
        /// The bytes of the value; of a string those between the quotes.
        var value: Range<UInt32>
        /// The index after its last descendant.
        var next: Int32
        var kind: Kind
    }

    enum Kind: UInt8 { case object, list, string, other }

    private let bytes: [UInt8]
    private(set) var nodes: [Node] = []

    /// Reads what libpg_query wrote; nil if it is not the JSON it should be.
    init?(_ json: RawSpan) {
        bytes = json.toArray()
        nodes.reserveCapacity(json.byteCount / 16)
        guard read() else { return nil }
    }

    /// Everything below a node.
    func descendants(_ node: Int) -> Range<Int> {
        (node &+ 1)..<max(node &+ 1, Int(nodes[node].next))
    }

    /// The values of an object or list, in order.
    func children(_ node: Int) -> [Int] {
        var found: [Int] = []
        var at = node &+ 1
        let end = Int(nodes[node].next)
        while at < end {
            found.append(at)
            at = max(at &+ 1, Int(nodes[at].next))
        }
        return found
    }

    /// The value under `key` in an object.
    func child(_ node: Int, _ key: StaticString) -> Int? {
        var at = node &+ 1
        let end = Int(nodes[node].next)
        while at < end {
            if hasKey(at, key) { return at }
            at = max(at &+ 1, Int(nodes[at].next))
        }
        return nil
    }

    /// The value under a chain of keys.
    func child(_ node: Int, _ keys: StaticString...) -> Int? {
        var at = node
        for key in keys {
            guard let next = child(at, key) else { return nil }
            at = next
        }
        return at
    }

    /// How long the key of a node is.
    func keyLength(_ node: Int) -> Int { nodes[node].key.count }

    /// Whether a node stands under `key`.
    func hasKey(_ node: Int, _ key: StaticString) -> Bool {
        equals(nodes[node].key, key)
    }

    /// Whether the value of a node is written `text`.
    func isValue(_ node: Int, _ text: StaticString) -> Bool {
        equals(nodes[node].value, text)
    }

    /// The key of a node.
    func key(_ node: Int) -> String { decode(nodes[node].key) }

    /// The value of a string node, or the digits of a number.
    func string(_ node: Int) -> String { decode(nodes[node].value) }

    /// The value of a string node under `key`.
    func string(_ node: Int, _ key: StaticString) -> String? {
        child(node, key).map { string($0) }
    }

    /// Whether an object has `"key": true`.
    func flag(_ node: Int, _ key: StaticString) -> Bool {
        child(node, key).map { isValue($0, "true") } ?? false
    }

    /// The number under `key`; 0, as protobuf has it, if there is none.
    func integer(_ node: Int, _ key: StaticString) -> Int {
        child(node, key).flatMap { Int(string($0)) } ?? 0
    }

    private func equals(_ range: Range<UInt32>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        var at = 0
        for index in range {
            guard bytes[Int(index)] == (unsafe text.utf8Start[at]) else { return false }
            at &+= 1
        }
        return true
    }

    /// The text of a range with its JSON escapes undone.
    private func decode(_ range: Range<UInt32>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(range.count)
        var at = Int(range.lowerBound)
        let end = Int(range.upperBound)
        while at < end {
            let byte = bytes[at]
            guard byte == UInt8(ascii: "\\"), at &+ 1 < end else {
                out.append(byte)
                at &+= 1
                continue
            }
            switch bytes[at &+ 1] {
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "u"):
                // Only control characters are written so, hence one byte.
                var code: UInt32 = 0
                for index in (at &+ 2)..<min(at &+ 6, end) {
                    code = code << 4 | UInt32(Self.hexDigit(bytes[index]))
                }
                out.append(UInt8(truncatingIfNeeded: code))
                at &+= 4
            case let other: out.append(other)
            }
            at &+= 2
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: 0
        }
    }
}

extension ParseTree {
    private mutating func read() -> Bool {
        var open: [Int32] = []
        var key: Range<UInt32> = 0..<0
        var at = 0
        let count = bytes.count
        while at < count {
            switch bytes[at] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                open.append(Int32(truncatingIfNeeded: nodes.count))
                let start = UInt32(truncatingIfNeeded: at)
                let kind: Kind = bytes[at] == UInt8(ascii: "{") ? .object : .list
                nodes.append(Node(key: key, value: start..<start, next: 0, kind: kind))
                key = 0..<0
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard let node = open.popLast() else { return false }
                nodes[Int(node)].next = Int32(truncatingIfNeeded: nodes.count)
            case UInt8(ascii: "\""):
                guard let end = endOfString(at &+ 1) else { return false }
                let range = UInt32(truncatingIfNeeded: at &+ 1)..<UInt32(truncatingIfNeeded: end)
                at = end
                if at &+ 1 < count, bytes[at &+ 1] == UInt8(ascii: ":") {
                    key = range
                    at &+= 1
                } else {
                    leaf(key, range, .string)
                    key = 0..<0
                }
            case UInt8(ascii: ","), UInt8(ascii: " "), 0x0A: break
            default:
                let start = at
                while at &+ 1 < count, !Self.endsScalar(bytes[at &+ 1]) { at &+= 1 }
                leaf(key, UInt32(truncatingIfNeeded: start)..<UInt32(truncatingIfNeeded: at &+ 1), .other)
                key = 0..<0
            }
            at &+= 1
        }
        return open.isEmpty && !nodes.isEmpty
    }

    private mutating func leaf(_ key: Range<UInt32>, _ value: Range<UInt32>, _ kind: Kind) {
        let next = Int32(truncatingIfNeeded: nodes.count &+ 1)
        nodes.append(Node(key: key, value: value, next: next, kind: kind))
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
    }

    private func endOfString(_ from: Int) -> Int? {
        var at = from
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "\"") { return at }
            at &+= bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }
}
