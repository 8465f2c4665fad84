internal import ByteKit

/// The text of a statement as a client sent it, values and all.
///
/// It cannot be printed, interpolated or dumped: each of them gives `<redacted>`. `Redactor` opens it.
public struct RawSQL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    /// Takes a copy of a text.
    public init(_ text: RawSpan) {
        bytes = text.toArray()
    }

    /// No text at all.
    public static let none = RawSQL(RawSpan())

    /// Takes bytes over.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// How many bytes it holds.
    public var byteCount: Int { bytes.count }

    /// `<redacted>`
    public var description: String { "<redacted>" }
    /// `<redacted>`
    public var debugDescription: String { "<redacted>" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(reflecting: "<redacted>") }

    func withBytes<R>(_ body: (RawSpan) -> R) -> R {
        let copy = bytes
        return unsafe body(copy.span.bytes)
    }
}
