import Glibc
import Testing

@testable import Telemetry

private struct Secret: CustomStringConvertible {
    let text: String
    var description: String { "<secret>" }
}

/// The log with its output caught in a pipe. The log is the process's: these tests run one after the other.
private final class Capture {
    let readEnd: Int32
    let writeEnd: Int32
    private let level = Log.level

    init() throws {
        var fds: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &fds) {
            unsafe pipe($0.bindMemory(to: Int32.self).baseAddress)
        }
        try #require(result == 0)
        (readEnd, writeEnd) = fds
        _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
        Log.descriptor = writeEnd
        Log.level = .info
    }

    deinit {
        Log.descriptor = 2
        Log.level = level
        close(readEnd)
        close(writeEnd)
    }

    func text() -> String {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(readEnd, $0.baseAddress, $0.count) }
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all.append(contentsOf: chunk[..<count])
        }
    }

    /// Lines without the time stamp, whose length is checked.
    func lines() -> [String] {
        text().split(separator: "\n").map { line in
            #expect(line.hasPrefix("ts=") && line.dropFirst(26).hasPrefix("Z level="))
            return String(line.dropFirst(28))
        }
    }
}

@Suite(.serialized) struct LogTests {
    @Test func aLineIsLogfmt() throws {
        let capture = try Capture()
        Log.info("client_login", "welcome in", ["db": "shop", "port": 5432, "tls": true, "took": 1.5])
        Log.warn("plain")
        #expect(
            capture.lines() == [
                #"level=info event=client_login msg="welcome in" db=shop port=5432 tls=true took=1.5"#,
                "level=warn event=plain",
            ])
    }

    @Test func disabledLevelsEvaluateNothing() throws {
        let capture = try Capture()
        var evaluated = 0
        func expensive() -> String {
            evaluated += 1
            return "x"
        }
        Log.debug("hidden", expensive(), ["x": expensive()])
        #expect(evaluated == 0)
        Log.level = .debug
        Log.debug("shown", expensive())
        Log.level = .fatal
        Log.error("hidden", expensive())
        Log.fatal("shown")
        #expect(evaluated == 1)
        #expect(capture.lines() == ["level=debug event=shown msg=x", "level=fatal event=shown"])
        #expect(LogLevel(name: "warn") == .warn && LogLevel(name: "loud") == nil)
    }

    @Test func hostileValuesCannotForgeFieldsOrLines() throws {
        let capture = try Capture()
        let hostile: [(String, String)] = [
            ("a b", #""a b""#), ("", #""""#), ("x\nts=2026 level=fatal", #""x\nts=2026 level=fatal""#),
            (#"say "hi" \o/"#, #""say \"hi\" \\o/""#), ("\u{1b}[31m\u{7}\u{0}", #""\u001b[31m\u0007\u0000""#),
            ("a=b", #""a=b""#), ("héllo", "\"héllo\""), ("\r\t\u{7f}", #""\r\t\u007f""#),
            (String(decoding: [0x61, 0xff, 0x62], as: UTF8.self), "\"a\u{fffd}b\""),
        ]
        for (value, _) in hostile { Log.info("e", "", ["v": value]) }
        #expect(capture.lines() == hostile.map { "level=info event=e v=" + $0.1 })
    }

    @Test func secretsShowOnlyTheirDescription() throws {
        let capture = try Capture()
        Log.info("e", "m", ["password": Secret(text: "hunter2")])
        #expect(capture.lines() == ["level=info event=e msg=m password=<secret>"])
    }

    @Test func linesAreBounded() throws {
        let capture = try Capture()
        Log.info("e", String(repeating: "é", count: 5_000))
        // Thousands of escapes quadruple a value: what does not fit is left out whole.
        let wild = String(repeating: "\u{1}", count: 1_000)
        Log.info("e", "m", ["a": wild, "b": "short", "c": String(repeating: "y", count: 1_024)])
        let lines = capture.text().split(separator: "\n")
        #expect(lines.count == 2 && lines.allSatisfy { $0.utf8.count < 4096 })
        #expect(lines[0].hasSuffix(#"é...""#))
        #expect(lines[1].hasSuffix(" ...") && lines[1].contains(" b=short "))
    }

    @Test func aReaderThatSleepsLosesLinesAndIsToldSo() throws {
        let capture = try Capture()
        let before = Log.dropped
        let filler = String(repeating: "z", count: 900)
        for _ in 0..<500 { Log.info("flood", filler) }
        let lost = Log.dropped - before
        #expect(lost > 300)
        let seen = capture.lines()
        #expect(UInt64(seen.count) + lost == 500)
        Log.info("after")
        let after = capture.lines()
        #expect(after.count == 2)
        #expect(after[0].contains("event=log_dropped") && after[0].hasSuffix("lines=\(lost)"))
        #expect(after[1] == "level=info event=after")
    }

    @Test func limitersSumUpWhatTheyLeaveOut() throws {
        let capture = try Capture()
        let limiter = LogLimiter(perSecond: 2)
        for number in 0..<10 { limiter.log(.warn, "noise", key: "k", "n\(number)") }
        limiter.flush(now: Clock.monotonicMicros() + 2_000_000)
        #expect(
            capture.lines() == [
                "level=warn event=noise msg=n0", "level=warn event=noise msg=n1",
                #"level=warn event=log_limited msg="lines left out, they repeated too fast" about=k lines=8"#,
            ])
    }
}

@Suite struct LogLimiterTests {
    @Test func eachKeyHasItsShareOfEachSecond() {
        let limiter = LogLimiter(perSecond: 2)
        #expect(limiter.admit("a", now: 0) == .write(leftOut: 0))
        #expect(limiter.admit("a", now: 1) == .write(leftOut: 0))
        #expect(limiter.admit("a", now: 2) == .leaveOut)
        #expect(limiter.admit("b", now: 2) == .write(leftOut: 0))
        #expect(limiter.admit("a", now: 999_999) == .leaveOut)
        #expect(limiter.admit("a", now: 1_000_000) == .write(leftOut: 2))
        #expect(limiter.admit("a", now: 1_000_001) == .write(leftOut: 0))
        #expect(limiter.admit("a", now: 1_000_002) == .leaveOut)
        #expect(limiter.takeSummaries(now: 1_500_000).isEmpty)
        #expect(limiter.takeSummaries(now: 2_000_000).map(\.leftOut) == [1])
        #expect(limiter.takeSummaries(now: 9_000_000).isEmpty)
    }

    @Test func keysMadeUpByClientsAreBounded() {
        let limiter = LogLimiter(perSecond: 1)
        var written = 0
        for number in 0..<5_000 where limiter.admit("key \(number)", now: 5) != .leaveOut { written += 1 }
        #expect(written == 1_025)
        #expect(limiter.admit("later", now: 1_000_006) == .write(leftOut: 0))
    }
}

@Suite struct ClockTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
        (1_767_225_599_999_999, "2025-12-31T23:59:59.999Z"), (1_767_225_600_000_000, "2026-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"), (4_107_542_399_000_000, "2100-02-28T23:59:59.000Z"),
        (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"), (.max, "9999-12-31T23:59:59.999Z"),
        (.min, "0000-01-01T00:00:00.000Z"),
    ])
    func timesAreWrittenAsRFC3339(micros: Int64, text: String) {
        #expect(Clock.rfc3339(micros: micros) == text)
    }

    @Test func clocksMove() {
        let start = Clock.monotonicMicros()
        usleep(2_000)
        #expect(Clock.monotonicMicros() - start >= 2_000)
        #expect(Clock.wallMicros() > 1_700_000_000_000_000)
        #expect(Clock.wallText().utf8.count == Clock.rfc3339Length)
    }

    @Test func everyDayOfFourCenturiesAgreesWithTheSystem() {
        for day in stride(from: Int64(-10_000), to: 146_097, by: 13) {
            var seconds = time_t(day * 86_400)
            var parts = unsafe tm()
            unsafe gmtime_r(&seconds, &parts)
            let expected = unsafe [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday]
            let text = Clock.rfc3339(micros: day * 86_400_000_000)
            let year = Int32(text.prefix(4)) ?? 0
            let month = Int32(text.dropFirst(5).prefix(2)) ?? 0
            let date = Int32(text.dropFirst(8).prefix(2)) ?? 0
            #expect([year, month, date] == expected)
        }
    }
}
