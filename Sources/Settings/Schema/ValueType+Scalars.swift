extension ValueType where Value == Int {
    /// A whole number within `range`.
    static func integer(_ range: ClosedRange<Int>) -> Self {
        let expects =
            range.upperBound == .max
            ? "a whole number, \(range.lowerBound) or more"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return ValueType(expects, example: "\(range.lowerBound)", literal: { "\($0)" }) { field, log in
            switch field.node.value {
            case .integer(let number):
                let value = Int(number)
                if range.contains(value) { return value }
                let nearest = min(max(value, range.lowerBound), range.upperBound)
                log.misfit(field, "\(value)", instead: "\(nearest)")
            case .string(let text):
                let meant = Int(text).flatMap { range.contains($0) ? "\($0)" : nil }
                log.wrongType(field, instead: meant)
            case .float, .boolean, .date, .array, .table: log.wrongType(field)
            }
            return nil
        }
    }
}

extension ValueType where Value == Bool {
    /// `true` or `false`.
    static var boolean: Self {
        ValueType("true or false", example: "true", literal: { "\($0)" }, show: { $0 ? "1" : "0" }) { field, log in
            switch field.node.value {
            case .boolean(let value): return value
            case .integer(let number): log.wrongType(field, instead: number == 0 ? "false" : "true")
            case .string(let text):
                let no = ["no", "off", "false", "0", "n", "f"].contains(text.lowercased())
                log.wrongType(field, instead: no ? "false" : "true")
            case .float, .date, .array, .table: log.wrongType(field)
            }
            return nil
        }
    }
}

extension ValueType where Value == TimeSpan {
    /// Longer than any setting needs, so that sums of spans never overflow.
    static var longest: TimeSpan { .seconds(10 * 365 * 86_400) }

    /// A duration of at least `least` and at most `most`.
    static func duration(least: TimeSpan = .zero, most: TimeSpan = longest) -> Self {
        let bounds = least.isZero && most == longest ? "" : " from \(quoted("\(least)")) to \(quoted("\(most)"))"
        let expects = "a duration\(bounds) with its unit (us, ms, s, m, h, d)"
        let literal: @Sendable (TimeSpan) -> String = { quoted("\($0)") }
        let example = literal(min(max(.seconds(30), least), most))
        return ValueType(expects, example: example, literal: literal, show: { $0.inSeconds }) { field, log in
            switch field.node.value {
            case .string(let text):
                guard let value = TimeSpan(text) else {
                    let meant = Int(text) == nil ? field.usual ?? example : quoted(text + "s")
                    log.misfit(field, quoted(text), instead: meant)
                    return nil
                }
                if value >= least, value <= most { return value }
                let nearest = literal(min(max(value, least), most))
                log.misfit(field, quoted(text), instead: nearest)
            case .integer(let number):
                log.wrongType(field, instead: number >= 0 ? "\"\(number)s\"" : nil)
            case .float, .boolean, .date, .array, .table: log.wrongType(field)
            }
            return nil
        }
    }
}

extension ValueType where Value == ByteSize {
    /// A size of at least `least` and at most `most`.
    static func size(least: ByteSize = .zero, most: ByteSize = ByteSize(bytes: 1 << 50)) -> Self {
        let bounds = least.isZero ? "" : " of at least \(quoted("\(least)"))"
        let expects = "a size\(bounds) with its unit (B, KiB, MiB, GiB)"
        let literal: @Sendable (ByteSize) -> String = { quoted("\($0)") }
        let example = literal(max(ByteSize(bytes: 1 << 20), least))
        return ValueType(expects, example: example, literal: literal, show: { "\($0.bytes)" }) { field, log in
            switch field.node.value {
            case .string(let text):
                guard let value = ByteSize(text) else {
                    let meant = binaryUnit(text).map(literal) ?? field.usual ?? example
                    log.misfit(field, quoted(text), instead: meant)
                    return nil
                }
                if value >= least, value <= most { return value }
                let nearest = literal(min(max(value, least), most))
                log.misfit(field, quoted(text), instead: nearest)
            case .integer(let number): log.wrongType(field, instead: number >= 0 ? "\"\(number)\"" : nil)
            case .float, .boolean, .date, .array, .table: log.wrongType(field)
            }
            return nil
        }
    }

    /// What somebody meant who wrote `64KB`, `64kB`, `64k` or `64M`.
    private static func binaryUnit(_ text: String) -> ByteSize? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let unit = text[digits.endIndex...].first(where: { $0 != " " })?.uppercased() else { return nil }
        return ByteSize(unit == "B" ? "\(digits)B" : "\(digits)\(unit)iB")
    }
}

extension ValueType where Value == String {
    /// Any text.
    static var text: Self { text("text in quotes", example: "\"\"") }

    /// Text that is not empty.
    static func word(_ expects: String, example: String) -> Self {
        text(expects, example: quoted(example)).checked { value in
            value.isEmpty || value.utf8.contains(0) ? ("it must be \(expects)", "write \(quoted(example))") : nil
        }
    }

    /// The name of a file or directory: an absolute path, because a daemon's working directory is nobody's business.
    static func path(example: String) -> Self {
        let expects = "an absolute path"
        return text(expects, example: quoted(example)).checked { value in
            value.hasPrefix("/") && !value.utf8.contains(0)
                ? nil : ("it must be an absolute path", "write one that begins with / such as \(quoted(example))")
        }
    }

    private static func text(_ expects: String, example: String) -> Self {
        let literal: @Sendable (String) -> String = { quoted($0) }
        return ValueType(expects, example: example, literal: literal, show: { $0 }) { field, log in
            switch field.node.value {
            case .string(let value): return value
            case .integer(let number): log.wrongType(field, instead: "\"\(number)\"")
            case .float, .boolean, .date, .array, .table: log.wrongType(field)
            }
            return nil
        }
    }
}

extension ValueType where Value: SettingChoice {
    /// One of the words of `Value`.
    static var choice: Self {
        let words = Value.allCases.map { $0.rawValue }
        let expects = "one of " + words.map(quoted).joined(separator: ", ")
        let example = quoted(words.first ?? "")
        let literal: @Sendable (Value) -> String = { quoted($0.rawValue) }
        return ValueType(expects, example: example, literal: literal, show: { $0.rawValue }) { field, log in
            guard case .string(let text) = field.node.value else {
                log.wrongType(field)
                return nil
            }
            if let value = Value(rawValue: text) ?? Value.aliases[text] { return value }
            log.error(
                field.node.position, "\(field.key) is \(quoted(text))", "it must be \(expects)",
                Suggestion.phrase(for: text, among: words, otherwise: field.write()))
            return nil
        }
    }
}
