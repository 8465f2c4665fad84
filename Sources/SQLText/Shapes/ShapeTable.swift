public import ByteKit

/// A worker's memory of the shapes of texts.
///
/// A text is found by its redacted bytes, which one pass of the lexer makes, so that texts an application writes its
/// values into are found although each is new. A hit allocates nothing. Bounded by entries and bytes; when full it begins
/// anew.
public final class ShapeTable {
    /// The trace the text found last belongs to.
    public private(set) var trace: TraceContext?

    private let hash: Hash64
    private let plain: LexerOptions
    private var shapes: [UInt64: StatementShape] = [:]
    private var bytes = 0
    private var scratch: [UInt8] = []

    static let mostShapes = 8192
    static let mostBytes = 8 << 20
    /// A redacted text above this is cut in the shape.
    public static let longestText = 64 << 10

    /// An empty table.
    public init(seed: Hash64 = Hash64(), dialect: SQLDialect = .postgres) {
        hash = seed
        plain = LexerOptions(dialect: dialect)
    }

    /// The shape of a text, whose facts are asked for only if it is new.
    func shape(of text: RawSpan, _ options: LexerOptions, facts: () -> StatementFacts) -> StatementShape {
        scratch.removeAll(keepingCapacity: scratch.capacity < 1 << 18)
        let reading = Redactor(options).read(text, into: &scratch)
        trace = reading.trace
        // Which statements such a text has hangs on more than what is shown of it.
        if reading.isAmbiguous {
            return make(text, options, facts(), isWithheld: reading.isWithheld)
        }
        let key = scratch.withSpan { hash($0) }
        if let known = shapes[key], known.key == scratch { return known }
        let made = make(text, options, facts(), isWithheld: false)
        if shapes.count >= Self.mostShapes || bytes > Self.mostBytes {
            shapes.removeAll(keepingCapacity: true)
            bytes = 0
        }
        shapes[key] = made
        bytes &+= made.key.count &* 3 &+ 300
        return made
    }

    private func make(
        _ text: RawSpan, _ options: LexerOptions, _ facts: StatementFacts, isWithheld: Bool
    ) -> StatementShape {
        let classifier = StatementClassifier(options: options)
        let redactor = Redactor(options)
        var parts = facts.statements.map { statement in
            let (kind, operation) = classifier.classify(statement, in: text)
            var shown: [UInt8] = []
            if isWithheld || statement.range.upperBound > text.byteCount {
                shown = Array("\(Redactor.withheld)".utf8)
            } else {
                redactor.write(text.extracting(statement.range), into: &shown)
            }
            return StatementShape.Part(
                statementClass: isWithheld ? .unknown : kind, operation: operation, tables: statement.tables,
                writes: statement.writes, text: shown)
        }
        if parts.isEmpty {
            parts = [StatementShape.Part(statementClass: .misc, operation: "", tables: [], writes: false, text: [])]
        }
        return StatementShape(
            key: isWithheld ? [] : scratch, fingerprint: facts.fingerprint, parts: parts, isWithheld: isWithheld)
    }
}

extension StatementCache {
    /// The shape of a text that is not kept here.
    public func shape(of text: RawSpan, _ options: LexerOptions, in table: ShapeTable) -> StatementShape {
        var options = options
        options.dialect = dialect
        return table.shape(of: text, options) { facts(of: text, options) }
    }

    /// The shape of a text that is, remembered there.
    public func shape(of entry: StatementEntry, _ options: LexerOptions, in table: ShapeTable) -> StatementShape {
        if let known = entry.shape { return known }
        var options = options
        options.dialect = dialect
        let made = entry.withText { text in table.shape(of: text, options) { entry.facts } }
        entry.shape = made
        entry.trace = table.trace
        return made
    }
}
