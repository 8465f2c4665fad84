import ByteKit
import SQLText

/// Texts of MySQL as sessions of all kinds read them: places lie in order inside their statement, what is replayed says
/// the same again to a session that reads quotes otherwise, what is rewritten is still one statement.
enum MySQLTextFuzz {
    private static let mariadb = MySQLServerVersion(isMariaDB: true, number: 101_119)
    private static let mysql = MySQLServerVersion(isMariaDB: false, number: 90_704)
    private static let options: [LexerOptions] = [
        LexerOptions(dialect: .mysql), LexerOptions(dialect: .mysql, ansiQuotes: true, server: mysql),
        LexerOptions(dialect: .mysql, noBackslashEscapes: true, server: mariadb),
        LexerOptions(dialect: .mysql, ansiQuotes: true, server: mysql, charset: .gbk),
        LexerOptions(dialect: .mysql, server: mariadb, charset: .sjis),
    ]

    /// The session that is unlike all others.
    private static func elsewhere(_ charset: MultibyteCharset?) -> LexerOptions {
        LexerOptions(
            dialect: .mysql, ansiQuotes: true, noBackslashEscapes: true, server: mariadb, charset: charset)
    }

    static func run(_ input: [UInt8]) -> String? {
        let cache = StatementCache(maxEntries: 64, dialect: .mysql)
        for option in options {
            let wrong: String? = input.withSpan { text in
                let facts = cache.entry(text: text, types: text.extracting(0..<0), options: option).facts
                for statement in facts.statements {
                    if let wrong = check(statement, text, option, cache) { return wrong }
                }
                if facts.statements.count == 1, let kill = facts.statements[0].kill,
                    let wrong = check(kill, text, option)
                {
                    return wrong
                }
                return option == options[0] ? quickLook(facts, text) : nil
            }
            if let wrong { return wrong }
        }
        return nil
    }

    private static func quickLook(_ facts: StatementFacts, _ text: RawSpan) -> String? {
        guard QuickLook.leavesNoTraceInMySQL(text) else { return nil }
        let harmless: StatementTraits = [.serverOwnTruth]
        for statement in facts.statements where !statement.traits.isSubset(of: harmless) || !statement.effects.isEmpty {
            return "QuickLook overlooks \(statement.effects) \(statement.traits)"
        }
        return nil
    }

    private static func check(
        _ statement: Statement, _ text: RawSpan, _ options: LexerOptions, _ cache: StatementCache
    ) -> String? {
        for effect in statement.effects {
            guard case .set(let name, let replay) = effect else { continue }
            if let wrong = replayed(name, replay, options, cache) { return wrong }
        }
        if let reads = statement.reads, let wrong = check(reads, statement.range, text, options) { return wrong }
        return nil
    }

    /// With another id it is the same KILL.
    private static func check(_ kill: KillStatement, _ text: RawSpan, _ options: LexerOptions) -> String? {
        guard let made = kill.replacing(id: 4711, in: text) else { return nil }
        return made.withSpan { span in
            guard let again = KillStatement(parsing: span, options), again.isQueryOnly == kill.isQueryOnly else {
                return "a KILL that became another"
            }
            switch again.target {
            case .connection(4711, _), .query(4711, _): return nil
            case .connection, .query, .own, .user, .untold: return "a KILL of another"
            }
        }
    }

    /// A replay is one SET of that name, wherever it is read.
    private static func replayed(
        _ name: String, _ replay: [UInt8], _ options: LexerOptions, _ cache: StatementCache
    ) -> String? {
        for option in [options, elsewhere(options.charset)] {
            let facts = replay.withSpan { cache.entry(text: $0, types: $0.extracting(0..<0), options: option).facts }
            guard facts.statements.count == 1, facts.statements[0].effects.count == 1 else {
                return "the replay of \(name) is \(facts.statements.count) statements"
            }
            switch facts.statements[0].effects[0] {
            case .set(name, replay), .setComputed(name): continue
            default: return "the replay of \(name) sets \(facts.statements[0].effects[0])"
            }
        }
        return nil
    }

    private static func check(
        _ reads: SessionReads, _ range: Range<Int>, _ text: RawSpan, _ options: LexerOptions
    ) -> String? {
        var end = range.lowerBound
        for read in reads.list {
            if read.range.lowerBound < end || read.range.upperBound > range.upperBound || read.range.isEmpty {
                return "a read at \(read.range) behind \(end) of a statement at \(range)"
            }
            end = read.range.upperBound
        }
        guard let made = reads.replacing(in: text, { _ in .unsigned(1) }) else { return nil }
        let wasOpen = isOpen(text, options)
        return made.withSpan { isOpen($0, options) } && !wasOpen ? "a value that opens a quote" : nil
    }

    private static func isOpen(_ text: RawSpan, _ options: LexerOptions) -> Bool {
        var lexer = Lexer(options)
        while let token = lexer.next(in: text) { if token.kind == .unterminated { return true } }
        return false
    }
}
