import Glibc

/// The system's clocks. Any thread. On a loop prefer `Loop.nowMicros`, which costs nothing.
public enum Clock {
    /// CLOCK_MONOTONIC in microseconds: for durations and deadlines. About 30 ns.
    public static func monotonicMicros() -> Int64 { read(CLOCK_MONOTONIC) }

    /// Microseconds since 1970-01-01 UTC. About 30 ns.
    public static func wallMicros() -> Int64 { read(CLOCK_REALTIME) }

    /// The present time as RFC 3339 in UTC with milliseconds: `2026-01-01T00:00:00.000Z`.
    public static func wallText() -> String { rfc3339(micros: wallMicros()) }

    /// A time of `wallMicros` as RFC 3339 in UTC with milliseconds. Years 0000 to 9999; others are clamped.
    public static func rfc3339(micros: Int64) -> String {
        var bytes: [UInt8] = []
        appendRFC3339(micros: micros, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends a time of `wallMicros` as RFC 3339 in UTC with milliseconds.
    public static func appendRFC3339(micros: Int64, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: rfc3339Length))
        write(micros: micros) { bytes[start + $0] = $1 }
    }

    /// How many bytes `rfc3339` makes.
    public static let rfc3339Length = 24

    @inline(__always)
    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
    }

    private static func write(micros: Int64, _ put: (Int, UInt8) -> Void) {
        let earliest: Int64 = -62_167_219_200_000  // 0000-01-01
        let latest: Int64 = 253_402_300_799_999  // 9999-12-31
        let millis = min(max(floorDivide(micros, 1000), earliest), latest)
        let days = floorDivide(millis, 86_400_000)
        let inDay = millis - days * 86_400_000
        let date = civil(days: days)
        func digits(_ value: Int64, at offset: Int, count: Int) {
            var rest = value
            for position in stride(from: offset + count - 1, through: offset, by: -1) {
                put(position, UInt8(truncatingIfNeeded: 48 + rest % 10))
                rest /= 10
            }
        }
        digits(date.year, at: 0, count: 4)
        put(4, UInt8(ascii: "-"))
        digits(date.month, at: 5, count: 2)
        put(7, UInt8(ascii: "-"))
        digits(date.day, at: 8, count: 2)
        put(10, UInt8(ascii: "T"))
        digits(inDay / 3_600_000, at: 11, count: 2)
        put(13, UInt8(ascii: ":"))
        digits(inDay / 60_000 % 60, at: 14, count: 2)
        put(16, UInt8(ascii: ":"))
        digits(inDay / 1000 % 60, at: 17, count: 2)
        put(19, UInt8(ascii: "."))
        digits(inDay % 1000, at: 20, count: 3)
        put(23, UInt8(ascii: "Z"))
    }

    private static func floorDivide(_ value: Int64, _ by: Int64) -> Int64 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: by)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The date of a day counted from 1970-01-01, in eras of 400 years that begin in March, so that the leap day comes
    /// last.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}
