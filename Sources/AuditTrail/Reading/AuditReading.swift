import ByteKit
import Glibc

/// `headgate audit cat`: reads the files of a directory, whether a proxy writes to them or not.
public enum AuditReading {
    /// Hands every record that fits to `each` (a line without its newline), oldest first, until it says false. With
    /// `follows` it goes on for ever: new records as they come.
    public static func cat(
        _ directory: String, _ filter: AuditFilter, follows: Bool, each: ([UInt8]) -> Bool
    ) -> Result<Void, AuditProblem> {
        let files = FileSystem()
        do throws(FileError) {
            var firsts = try SegmentName.all(in: directory, files)
            if firsts.isEmpty, !follows {
                return .failure(AuditProblem("there are no audit-*.ndjson files in \(directory)"))
            }
            var index = 0
            while true {
                guard index < firsts.count else {
                    guard follows else { return .success(()) }
                    usleep(100_000)
                    firsts = try SegmentName.all(in: directory, files)
                    continue
                }
                let current = firsts[index]
                var reader = try LineReader(directory + "/" + SegmentName.name(current), files)
                reading: while true {
                    while let line = try reader.next() {
                        if fits(line, filter), !each(line) { return .success(()) }
                    }
                    // Where another segment has begun, this one grows no more; but it may have grown just before that.
                    firsts = try SegmentName.all(in: directory, files)
                    if let after = firsts.firstIndex(where: { $0 > current }) {
                        while let line = try reader.next() {
                            if fits(line, filter), !each(line) { return .success(()) }
                        }
                        index = after
                        break reading
                    }
                    guard follows else { return .success(()) }
                    usleep(100_000)
                }
            }
        } catch { return .failure(AuditProblem("\(error)")) }
    }

    private static func fits(_ line: [UInt8], _ filter: AuditFilter) -> Bool {
        if filter.isEverything { return true }
        guard let record = line.withSpan({ JSONValue($0) }) else { return false }
        return filter.fits(record)
    }

    /// Leaves a note for the proxy that writes to the directory, which makes an `audit.read` record of it; false if that
    /// could not be done.
    public static func noteReading(_ directory: String, what: String) -> Bool {
        let files = FileSystem()
        let user = String(getuid())
        var line = LineBuffer()
        var time = LineBuffer()
        var clock = TimeText()
        clock.append(UnixTime.now(), to: &time)
        line.value(
            .object([
                AuditField("time", .text(String(decoding: time.array(), as: UTF8.self))),
                AuditField("user", .text("uid \(user)")), AuditField("process", .number(Int64(getpid()))),
                AuditField("what", .text(what)),
            ]))
        line.byte(0x0A)
        do throws(FileError) {
            let fd = try files.open(directory + "/" + SegmentName.reads, .appendNew, mode: 0o660)
            defer { files.close(fd) }
            try files.write(fd, line.array())
            return true
        } catch { return false }
    }
}
