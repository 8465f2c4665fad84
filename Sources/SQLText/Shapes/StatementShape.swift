internal import ByteKit

/// What an audit trail says of all texts that differ only in their values: their redacted text, and of each statement its
/// class and what it touches. Made once and shared; not `Sendable`, it belongs to one worker.
public final class StatementShape {
    /// One statement of the texts.
    public struct Part: Sendable {
        /// Its class, as the text tells.
        public let statementClass: StatementClass
        /// What it is called: `UPDATE`, `CREATE TABLE`.
        public let operation: String
        /// The relations it names.
        public let tables: [String]
        /// Whether it does more than read.
        public let writes: Bool
        /// Its text, every value replaced, UTF-8 or not.
        public let text: [UInt8]
    }

    /// See `Fingerprint`.
    public let fingerprint: UInt64
    /// The statements in order; a text without any has one, which is empty.
    public let parts: [Part]
    /// The classes of all of them.
    public let classes: StatementClasses
    /// The text could not be read to its end, so it is not shown.
    public let isWithheld: Bool
    /// What whoever records them has for each part, and when that was given: see `AuditRecorder`.
    public var slots: [UInt32]
    /// See `slots`.
    public var slotsEpoch: UInt32 = 0

    let key: [UInt8]

    init(key: [UInt8], fingerprint: UInt64, parts: [Part], isWithheld: Bool) {
        self.key = key
        self.fingerprint = fingerprint
        self.parts = parts
        self.isWithheld = isWithheld
        classes = parts.reduce(into: []) { $0.insert(StatementClasses($1.statementClass)) }
        slots = [UInt32](repeating: .max, count: parts.count)
    }

    /// Of what has no text.
    public convenience init(_ statementClass: StatementClass, operation: String, writes: Bool) {
        let part = Part(
            statementClass: statementClass, operation: operation, tables: [], writes: writes, text: [])
        self.init(key: [], fingerprint: 0, parts: [part], isWithheld: false)
    }

    /// Of a text too long to be read.
    public static var unread: StatementShape {
        let part = Part(
            statementClass: .unknown, operation: "", tables: [], writes: true,
            text: Array("<withheld: too long to be read>".utf8))
        return StatementShape(key: [], fingerprint: 0, parts: [part], isWithheld: true)
    }

    /// The part at an index; texts whose statements could not be counted have fewer parts than replies.
    public func part(_ index: Int) -> Int { min(max(index, 0), parts.count &- 1) }
}
