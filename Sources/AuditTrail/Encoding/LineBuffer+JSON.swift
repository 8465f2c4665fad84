import ByteKit

/// JSON as RFC 8259 has it, on one line.
extension LineBuffer {
    /// `"…"`, with everything escaped that must be. The text must be UTF-8.
    mutating func quoted(_ text: RawSpan) {
        byte(0x22)
        escaped(text)
        byte(0x22)
    }

    mutating func quoted(_ text: String) { Array(text.utf8).withSpan { quoted($0) } }

    /// Text without quotes around it.
    mutating func escaped(_ text: RawSpan) {
        var start = 0
        let count = text.byteCount
        for index in 0..<count {
            let value = text.u8(at: index)
            if value >= 0x20 && value != 0x22 && value != 0x5C && value != 0x7F { continue }
            span(text.extracting(start..<index))
            start = index &+ 1
            switch value {
            case 0x22: literal("\\\"")
            case 0x5C: literal("\\\\")
            case 0x0A: literal("\\n")
            case 0x0D: literal("\\r")
            case 0x09: literal("\\t")
            default:
                literal("\\u00")
                hexadecimal(UInt64(value), digits: 2)
            }
        }
        span(text.extracting(start..<count))
    }

    /// `"name":"text"`, or `"name_b64":"…"` where the text is no UTF-8.
    mutating func member(_ name: String, text: RawSpan) {
        let isText = text.isUTF8
        byte(0x22)
        self.text(name)
        literal(isText ? "\":" : "_b64\":")
        if isText { return quoted(text) }
        byte(0x22)
        bytes(Base64.encode(text))
        byte(0x22)
    }

    mutating func member(_ name: String, text: String) { Array(text.utf8).withSpan { member(name, text: $0) } }

    /// `"name":number`; numbers JSON readers would round become strings.
    mutating func member(_ name: String, number: UInt64) {
        byte(0x22)
        text(name)
        literal("\":")
        self.number(number)
    }

    mutating func number(_ value: UInt64) {
        if value <= 1 << 53 { return decimal(value) }
        byte(0x22)
        decimal(value)
        byte(0x22)
    }

    mutating func value(_ value: AuditValue, depth: Int = 0) {
        switch value {
        case .text(let text): quoted(text)
        case .bytes(let bytes): bytes.withSpan { quoted(lossless: $0) }
        case .number(let number):
            if number < 0 {
                byte(0x2D)
                decimal(number.magnitude)
            } else {
                self.number(UInt64(number))
            }
        case .unsigned(let number): self.number(number)
        case .flag(let flag): literal(flag ? "true" : "false")
        case .list(let values):
            guard depth < 8 else { return literal("null") }
            byte(0x5B)
            for (index, element) in values.enumerated() {
                if index > 0 { byte(0x2C) }
                self.value(element, depth: depth &+ 1)
            }
            byte(0x5D)
        case .object(let fields):
            guard depth < 8 else { return literal("null") }
            byte(0x7B)
            var tree = FieldTree()
            for field in fields { tree.insert(field) }
            tree.render(into: &self, depth: depth &+ 1)
            byte(0x7D)
        }
    }

    /// Text of a value that has no name to hang `_b64` on: base64 behind a mark where it is no UTF-8.
    private mutating func quoted(lossless text: RawSpan) {
        if text.isUTF8 { return quoted(text) }
        literal("\"base64:")
        bytes(Base64.encode(text))
        byte(0x22)
    }
}

/// Fields with dotted paths as objects in objects; a path that was there before is replaced.
struct FieldTree {
    private indirect enum Node {
        case value(AuditValue)
        case object(FieldTree)
    }

    private var members: [(name: String, node: Node)] = []

    var isEmpty: Bool { members.isEmpty }

    mutating func insert(_ field: AuditField) {
        insert(
            field.path.split(separator: ".", omittingEmptySubsequences: true).prefix(12).map(String.init)[...],
            field.value)
    }

    private mutating func insert(_ path: ArraySlice<String>, _ value: AuditValue) {
        guard let name = path.first else { return }
        let rest = path.dropFirst()
        let index = members.firstIndex { $0.name == name }
        if rest.isEmpty {
            if let index { members[index].node = .value(value) } else { members.append((name, .value(value))) }
            return
        }
        var inner = FieldTree()
        if let index, case .object(let known) = members[index].node { inner = known }
        inner.insert(rest, value)
        if let index { members[index].node = .object(inner) } else { members.append((name, .object(inner))) }
    }

    /// Takes a member of the top out.
    mutating func take(_ name: String) -> FieldTree? {
        guard let index = members.firstIndex(where: { $0.name == name }) else { return nil }
        let taken = members.remove(at: index)
        switch taken.node {
        case .object(let tree): return tree
        case .value(let value):
            var tree = FieldTree()
            tree.members = [("value", .value(value))]
            return tree
        }
    }

    /// Puts a tree in under a name, over what was there.
    mutating func put(_ name: String, _ tree: FieldTree) {
        members.removeAll { $0.name == name }
        members.append((name, .object(tree)))
    }

    /// The names at the top.
    var names: [String] { members.map(\.name) }

    /// The members, without the braces around them.
    func render(into line: inout LineBuffer, depth: Int = 0) {
        for (index, member) in members.enumerated() {
            if index > 0 { line.byte(0x2C) }
            if case .value(.bytes(let bytes)) = member.node {
                bytes.withSpan { line.member(member.name, text: $0) }
                continue
            }
            line.quoted(member.name)
            line.byte(0x3A)
            switch member.node {
            case .value(let value): line.value(value, depth: depth)
            case .object(let tree):
                line.byte(0x7B)
                tree.render(into: &line, depth: depth &+ 1)
                line.byte(0x7D)
            }
        }
    }
}
