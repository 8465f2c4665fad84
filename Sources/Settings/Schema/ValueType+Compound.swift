extension ValueType {
    /// This type, for a setting that may be absent.
    var optional: ValueType<Value?> {
        let (decode, literal, show) = (self.decode, self.literal, self.show)
        return ValueType<Value?>(
            expects, example: example, literal: { $0.map(literal) ?? "" }, show: { $0.map(show) ?? "" }
        ) { field, log in
            decode(field, &log).map { .some($0) }
        }
    }

    /// A list of values of this type; one value stands for a list of one where `orSingle`. Problems of all elements
    /// are told; the list is nil when any has one.
    func list(of what: String, orSingle: Bool = false) -> ValueType<[Value]> {
        let element = self
        let literal: @Sendable ([Value]) -> String = { values in
            "[" + values.map(element.literal).joined(separator: ", ") + "]"
        }
        return ValueType<[Value]>(
            "a list of \(what)", example: "[\(example)]", literal: literal,
            show: { $0.map(element.show).joined(separator: ", ") }
        ) { field, log in
            let nodes: [TOMLNode]
            switch field.node.value {
            case .array(let elements): nodes = elements
            case .string, .integer, .table, .float, .boolean, .date:
                guard orSingle else {
                    if case .string(let text) = field.node.value {
                        log.wrongType(field, instead: "[\(quoted(text))]")
                    } else {
                        log.wrongType(field)
                    }
                    return nil
                }
                nodes = [field.node]
            }
            let values = nodes.map { element.decode(field.element($0), &log) }
            let good = values.compactMap(\.self)
            return good.count == values.count ? good : nil
        }
    }

    /// A table with keys of its own.
    static func table(_ section: SectionKeys<Value>, example: String) -> Self {
        let literal: @Sendable (Value) -> String = { value in
            let pairs = section.keys.filter { $0.isSet(value) }.map { "\($0.name) = \($0.literal(value))" }
            return "{ " + pairs.joined(separator: ", ") + " }"
        }
        let expects = "a table such as \(example)"
        return ValueType(expects, example: example, literal: literal) { field, log in
            guard case .table = field.node.value else {
                log.wrongType(field)
                return nil
            }
            var value = section.blank()
            return section.decode(field.node, title: field.key, into: &value, &log) ? value : nil
        }
    }

    /// A table whose keys are words of a fixed set and whose values are of this type.
    func map(of what: String, keys words: [String]) -> ValueType<[String: Value]> {
        let element = self
        let literal: @Sendable ([String: Value]) -> String = { values in
            let pairs = values.sorted { $0.key < $1.key }.map { "\($0.key) = \(element.literal($0.value))" }
            return "{ " + pairs.joined(separator: ", ") + " }"
        }
        return ValueType<[String: Value]>(
            "a table of \(what)", example: "{ \(words.first ?? "") = \(example) }", literal: literal
        ) { field, log in
            guard case .table(let entries) = field.node.value else {
                log.wrongType(field)
                return nil
            }
            var values: [String: Value] = [:]
            for entry in entries {
                if words.contains(entry.key) {
                    values[entry.key] = element.decode(Field(key: entry.key, node: entry.node), &log)
                } else {
                    log.error(
                        entry.position, "unknown \(what) \(quoted(entry.key)) in \(field.key)",
                        "only \(words.joined(separator: ", ")) are known",
                        Suggestion.phrase(for: entry.key, among: words, otherwise: "remove it"))
                }
            }
            return values
        }
    }
}

extension ValueType where Value == [String] {
    /// A list of texts.
    static func texts(_ what: String) -> Self { ValueType<String>.text.list(of: what) }
}
