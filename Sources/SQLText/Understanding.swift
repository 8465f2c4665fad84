internal import ByteKit

/// Turns a text into facts: lexer and normal form first, then the parser where the normal form is not yet known.
struct Understanding {
    private var normalizer: Normalizer
    private var tokens: [Token] = []
    private let hash: Hash64
    private var plain: [UInt64: Plain] = [:]
    private var plainBytes = 0

    /// How many times the parser was asked.
    private(set) var parses: UInt64 = 0

    /// A text longer than this is left to the lexer: parsing takes up to 0.3 µs a byte, and the worker's other clients
    /// wait. Long texts are rows of values mostly, whose normal form is short and known after the first.
    static let longestParsed = 256 << 10

    /// Facts of a single query without effects, which hold for all texts of its normal form.
    private struct Plain {
        let form: [UInt8]
        let facts: StatementFacts
    }

    init(dialect: SQLDialect, hash: Hash64) {
        self.hash = hash
        normalizer = Normalizer(dialect: dialect)
    }

    /// The facts of a text.
    mutating func facts(of text: RawSpan, _ options: LexerOptions) -> StatementFacts {
        let lexer = lex(text, options)
        let form = normalizer.output
        let fingerprint = unsafe Fingerprint.hash(form.span.bytes)
        guard let last = tokens.last else { return StatementFacts(statements: [], fingerprint: fingerprint) }
        if lexer.isAmbiguous {
            // Then the normal form does not settle what the text does.
            let facts = understand(text, fingerprint, options)
            return lexer.sawExecutableComment ? strictest(facts, text, options) : facts
        }
        // The table of known forms is keyed by a seeded hash, and compares: a fingerprint can be forged.
        let key = unsafe hash(form.span.bytes)
        if let known = plain[key], known.form == form, let first = known.facts.statements.first {
            let range = Int(tokens[0].start)..<Int(endOfSingle(last))
            if range == first.range { return known.facts }
            return StatementFacts(statements: [first.moved(to: range)], fingerprint: fingerprint)
        }
        let facts = understand(text, fingerprint, options)
        if isPlain(facts) { remember(key, form, facts) }
        return facts
    }

    @discardableResult
    private mutating func lex(_ text: RawSpan, _ options: LexerOptions) -> Lexer {
        tokens.removeAll(keepingCapacity: tokens.capacity < 1 << 16)
        normalizer.reset()
        var lexer = Lexer(options)
        while let token = lexer.next(in: text) {
            tokens.append(token)
            normalizer.add(token, in: text)
        }
        return lexer
    }

    /// A MySQL text with `/*! … */` is two texts, and which one a server sees depends on its family and version. If they
    /// differ in more than the comment, it may do what either does.
    private mutating func strictest(
        _ facts: StatementFacts, _ text: RawSpan, _ options: LexerOptions
    ) -> StatementFacts {
        var without = options
        without.executableComments = false
        lex(text, without)
        let other = understand(text, facts.fingerprint, without)
        let same =
            facts.statements.map(\.kind) == other.statements.map(\.kind)
            && facts.statements.map(\.effects) == other.statements.map(\.effects)
        let writes = facts.flags.contains(.writes) || other.flags.contains(.writes) || !same
        let statements = facts.statements.map { statement in
            Statement(
                range: statement.range, kind: statement.kind,
                effects: same ? statement.effects : statement.effects + [.mayCreate(.unknown)],
                writes: statement.writes || writes, tables: statement.tables, functions: statement.functions,
                traits: other.statements.reduce(statement.traits) { $0.union($1.traits) },
                details: same ? statement.details : nil)
        }
        return StatementFacts(
            statements: statements, fingerprint: facts.fingerprint,
            extra: facts.flags.union(other.flags).subtracting(.empty))
    }

    /// The end of the last token that is not a semicolon.
    private func endOfSingle(_ last: Token) -> UInt32 {
        last.kind != .semicolon ? last.end : tokens.last { $0.kind != .semicolon }?.end ?? last.end
    }

    /// Not too long, not without an end, and nothing that would cost the parser its stack or its time.
    private func isWorthParsing(_ text: RawSpan) -> Bool {
        text.byteCount <= Self.longestParsed && tokens.last?.kind != .unterminated && ScanCost.isBounded(text)
            && NestingBound.holds(tokens, in: text)
    }

    private mutating func understand(
        _ text: RawSpan, _ fingerprint: UInt64, _ options: LexerOptions
    ) -> StatementFacts {
        if options.dialect == .postgres, isWorthParsing(text) {
            parses &+= 1
            if let tree = PostgresParser.parse(text, conformingStrings: options.standardConformingStrings),
                let found = PostgresFacts.statements(tree, tokens, in: text)
            {
                return StatementFacts(
                    statements: found.list, fingerprint: fingerprint, extra: found.copies ? .copies : [])
            }
        }
        let classifier = LexicalFacts(tokens: tokens, options: options)
        let found = classifier.statements(in: text)
        var extra: StatementFlags = options.dialect == .postgres ? .unparsed : []
        if found.copies { extra.insert(.copies) }
        return StatementFacts(statements: found.list, fingerprint: fingerprint, extra: extra)
    }

    /// Only values differ between the texts of one normal form, and only `set_config` makes of a value an effect. Places
    /// in the text differ, of course.
    private func isPlain(_ facts: StatementFacts) -> Bool {
        guard facts.statements.count == 1, facts.flags.isDisjoint(with: [.hasEffects, .unparsed, .copies]),
            let statement = facts.statements.first, statement.details == nil
        else { return false }
        switch statement.kind {
        case .select, .values, .insert, .update, .delete, .merge:
            return !statement.functions.contains { $0.hasSuffix("set_config") }
        default: return false
        }
    }

    private mutating func remember(_ key: UInt64, _ form: [UInt8], _ facts: StatementFacts) {
        guard form.count <= 1 << 16 else { return }
        if plain.count >= 8192 || plainBytes > 8 << 20 {
            plain.removeAll()
            plainBytes = 0
        }
        plain[key] = Plain(form: form, facts: facts)
        plainBytes &+= form.count &+ 256
    }
}
