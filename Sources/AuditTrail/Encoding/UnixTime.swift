import Glibc

/// Time as records have it.
enum UnixTime {
    /// Nanoseconds since 1970-01-01 UTC.
    static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(time.tv_sec, 0)) &* 1_000_000_000 &+ UInt64(max(time.tv_nsec, 0))
    }

    /// Nanoseconds of the clock that is never set.
    static func monotonic() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(max(time.tv_sec, 0)) &* 1_000_000_000 &+ UInt64(max(time.tv_nsec, 0))
    }
}

/// How long ago that was; 0 if it is later than `now`, which was read at the beginning of a turn.
func elapsed(_ now: UInt64, _ then: UInt64) -> UInt64 { now > then ? now &- then : 0 }

/// Writes times as RFC 3339 in UTC with nine digits of a second; the part up to the second is kept for the next.
struct TimeText {
    private var second = UInt64.max
    private var prefix: [UInt8] = []

    /// `2026-11-20T20:41:00.123456789Z`
    mutating func append(_ nanoseconds: UInt64, to line: inout LineBuffer) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        if seconds != second { renew(seconds) }
        line.bytes(prefix)
        line.digits(rest, 9)
        line.byte(0x5A)
    }

    @inline(never)
    private mutating func renew(_ seconds: UInt64) {
        second = seconds
        let days = Int(min(seconds / 86_400, 2_932_896))  // 9999-12-31
        let inDay = seconds % 86_400
        // Eras of 400 years that begin in March, so that the leap day comes last.
        let shifted = days &+ 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted &- era &* 146_097
        let yearOfEra = (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
        let month = (5 &* dayOfYear &+ 2) / 153
        let day = dayOfYear &- (153 &* month &+ 2) / 5 &+ 1
        let civilMonth = month < 10 ? month &+ 3 : month &- 9
        let year = yearOfEra &+ era &* 400 &+ (civilMonth <= 2 ? 1 : 0)
        var text = LineBuffer(capacity: 64)
        text.digits(UInt64(year), 4)
        text.byte(0x2D)
        text.digits(UInt64(civilMonth), 2)
        text.byte(0x2D)
        text.digits(UInt64(day), 2)
        text.byte(0x54)
        text.digits(inDay / 3600, 2)
        text.byte(0x3A)
        text.digits(inDay / 60 % 60, 2)
        text.byte(0x3A)
        text.digits(inDay % 60, 2)
        text.byte(0x2E)
        prefix = text.array()
    }
}
