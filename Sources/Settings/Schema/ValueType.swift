/// A key with the value that was written for it.
struct Field {
    var key: String
    var node: TOMLNode
    /// What is usually written for it, in TOML, if that is worth proposing.
    var usual: String?

    /// Whether the value is an element of the list that is written for the key.
    var isElement = false
    /// What it must be, with its article, and a value that fits: those of the type that is reading it.
    fileprivate(set) var expects = ""
    fileprivate(set) var example = ""

    init(key: String, node: TOMLNode, usual: String? = nil) {
        self.key = key
        self.node = node
        self.usual = usual
    }

    /// The same key with an element of its list.
    func element(_ node: TOMLNode) -> Field {
        var field = Field(key: key, node: node)
        field.isElement = true
        return field
    }

    /// How to write `literal` here; what is usual, or fits at all, without one.
    func write(_ literal: String? = nil) -> String {
        let value = literal ?? usual ?? example
        return isElement ? "write \(value)" : "write \(key) = \(value)"
    }
}

/// A kind of setting: how its values are read, written and shown. What does not fit is told to the log and is nil.
struct ValueType<Value: Sendable & Equatable>: Sendable {
    /// What it must be, with its article: "a whole number from 0 to 1024".
    let expects: String
    /// A value in TOML that fits, for messages.
    let example: String
    /// Reads a value.
    let decode: @Sendable (Field, inout ProblemLog) -> Value?
    /// Writes a value as TOML.
    let literal: @Sendable (Value) -> String
    /// Shows a value as `SHOW CONFIG` does.
    let show: @Sendable (Value) -> String

    init(
        _ expects: String, example: String, literal: @escaping @Sendable (Value) -> String,
        show: (@Sendable (Value) -> String)? = nil,
        decode: @escaping @Sendable (Field, inout ProblemLog) -> Value?
    ) {
        self.expects = expects
        self.example = example
        self.literal = literal
        self.show = show ?? literal
        self.decode = { field, log in
            var field = field
            field.expects = expects
            field.example = example
            return decode(field, &log)
        }
    }

    /// The same type with a narrower set of values: `isGood` answers why a value is refused, and what to write.
    func checked(_ refuse: @escaping @Sendable (Value) -> (why: String, instead: String)?) -> ValueType {
        let decode = self.decode
        let literal = self.literal
        return ValueType(expects, example: example, literal: literal, show: show) { field, log in
            guard let value = decode(field, &log) else { return nil }
            guard let refusal = refuse(value) else { return value }
            log.error(field.node.position, "\(field.key) is \(literal(value))", refusal.why, refusal.instead)
            return nil
        }
    }
}

extension ProblemLog {
    /// Reports that a value has the wrong type; `instead` is what it probably should have been, in TOML.
    mutating func wrongType(_ field: Field, instead: String? = nil) {
        error(
            field.node.position, "\(field.key) is \(field.node.kind)", "it must be \(field.expects)",
            field.write(instead))
    }

    /// Reports that a value of the right type, `literal`, says nothing we know; `instead` is what it should have been.
    mutating func misfit(_ field: Field, _ literal: String, instead: String? = nil) {
        error(field.node.position, "\(field.key) is \(literal)", "it must be \(field.expects)", field.write(instead))
    }
}

/// A setting whose values are a fixed set of words.
protocol SettingChoice: RawRepresentable<String>, CaseIterable, Sendable, Equatable {
    /// Words that mean the same as a raw value, for people who come from another product.
    static var aliases: [String: Self] { get }
}

extension SettingChoice {
    static var aliases: [String: Self] { [:] }
}
