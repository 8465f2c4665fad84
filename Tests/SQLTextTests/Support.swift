import ByteKit

@testable import SQLText

/// The bytes of a text, for the length of a call.
func with<R>(_ text: String, _ body: (RawSpan) throws -> R) rethrows -> R {
    let bytes = Array(text.utf8)
    return try unsafe body(bytes.span.bytes)
}

func tokens(_ text: String, _ options: LexerOptions = LexerOptions()) -> [(TokenKind, String)] {
    with(text) { span in
        var lexer = Lexer(options)
        var found: [(TokenKind, String)] = []
        while let token = lexer.next(in: span) { found.append((token.kind, span.string(token.range))) }
        return found
    }
}

func normalized(_ text: String, _ options: LexerOptions = LexerOptions()) -> String {
    with(text) { String(decoding: Fingerprint.normalized($0, options), as: UTF8.self) }
}

func facts(_ text: String, _ dialect: SQLDialect = .postgres) -> StatementFacts {
    let cache = StatementCache(dialect: dialect)
    return with(text) { cache.entry(text: $0, types: RawSpan()).facts }
}

func effects(_ text: String) -> [SessionEffect] {
    facts(text).statements.flatMap(\.effects)
}

extension SessionEffect {
    static func set(_ name: String, _ replay: String) -> SessionEffect { .set(name: name, replay: Array(replay.utf8)) }
}
