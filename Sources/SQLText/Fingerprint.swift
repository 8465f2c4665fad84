internal import ByteKit

/// What all texts have in common that differ only in values, white space, comments and case.
///
/// The number is the same in every process and on every machine, so that statistics and audit records of several
/// proxies can be compared. It is not a key of any table of ours: whoever writes SQL could make two texts collide.
public enum Fingerprint {
    /// The version of the normal form, for records that outlive a release.
    public static let version: UInt8 = 1

    static let hash = Hash64(seed: 0x4865_6164_6761_7465)

    /// The fingerprint of a text. Allocates; the statement cache keeps what it found.
    public static func of(_ text: RawSpan, _ options: LexerOptions = LexerOptions()) -> UInt64 {
        let form = normalized(text, options)
        return unsafe hash(form.span.bytes)
    }

    /// The text with each value as `?`, in one spelling.
    public static func normalized(_ text: RawSpan, _ options: LexerOptions = LexerOptions()) -> [UInt8] {
        var lexer = Lexer(options)
        var normalizer = Normalizer(dialect: options.dialect)
        while let token = lexer.next(in: text) { normalizer.add(token, in: text) }
        return normalizer.output
    }
}
