/// A length of time; in a file a number with its unit: `"300s"`, `"5m"`, `"500ms"`, `"1h"`, `"0s"`.
public struct TimeSpan: Sendable, Hashable, Comparable {
    /// The length in microseconds.
    public var microseconds: Int64

    /// A span of `microseconds`.
    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }

    /// No time; for most timeouts it means "never".
    public static let zero = TimeSpan(microseconds: 0)

    /// A span of whole seconds.
    @inlinable public static func seconds(_ count: Int64) -> TimeSpan { TimeSpan(microseconds: count * 1_000_000) }

    /// A span of milliseconds.
    @inlinable public static func milliseconds(_ count: Int64) -> TimeSpan { TimeSpan(microseconds: count * 1_000) }

    /// Whether it is no time at all.
    @inlinable public var isZero: Bool { microseconds == 0 }

    /// The length in seconds, for timers that take fractions.
    @inlinable public var seconds: Double { Double(microseconds) / 1_000_000 }

    /// Whether `a` is shorter than `b`.
    @inlinable public static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.microseconds < b.microseconds }
}

extension TimeSpan: CustomStringConvertible {
    /// Units with their microseconds, longest first.
    private static let units: [(name: String, length: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1),
    ]

    /// Reads a number with its unit; nil for anything else and for more than 292 years.
    public init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        guard let count = Int64(digits), let length = Self.units.first(where: { $0.name == unit })?.length else {
            return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: length)
        guard !overflow else { return nil }
        self.init(microseconds: product)
    }

    /// The shortest exact text that reads back as this span.
    public var description: String {
        if isZero { return "0s" }
        for unit in Self.units where microseconds % unit.length == 0 {
            return "\(microseconds / unit.length)\(unit.name)"
        }
        return "\(microseconds)us"
    }

    /// In seconds as PgBouncer shows durations: `300`, `0.5`.
    var inSeconds: String {
        let whole = microseconds / 1_000_000
        let rest = (microseconds % 1_000_000).magnitude
        if rest == 0 { return "\(whole)" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 6 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}

/// A number of bytes; in a file a number with its unit: `"64KiB"`, `"1MiB"`, `"0"`.
public struct ByteSize: Sendable, Hashable, Comparable {
    /// The number of bytes.
    public var bytes: Int

    /// A size of `bytes`.
    @inlinable public init(bytes: Int) { self.bytes = bytes }

    /// No bytes; for most limits it means "no limit".
    public static let zero = ByteSize(bytes: 0)

    /// Whether it is zero.
    @inlinable public var isZero: Bool { bytes == 0 }

    /// Whether `a` is smaller than `b`.
    @inlinable public static func < (a: ByteSize, b: ByteSize) -> Bool { a.bytes < b.bytes }
}

extension ByteSize: CustomStringConvertible {
    /// Units with their bytes, largest first.
    private static let units: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// Reads a number with its unit, or a bare number of bytes; nil for anything else and for more than 8 EiB.
    public init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        guard let count = Int(digits),
            let bytes = unit.isEmpty ? 1 : Self.units.first(where: { $0.name == unit })?.bytes
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: bytes)
        guard !overflow else { return nil }
        self.init(bytes: product)
    }

    /// The shortest exact text that reads back as this size.
    public var description: String {
        if isZero { return "0" }
        for unit in Self.units where bytes % unit.bytes == 0 { return "\(bytes / unit.bytes)\(unit.name)" }
        return "\(bytes)B"
    }
}
