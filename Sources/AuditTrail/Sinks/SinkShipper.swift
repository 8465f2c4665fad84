import ByteKit
import Glibc
public import Settings
import Synchronization

/// A way to a receiver. One thread's; its calls wait.
public protocol AuditChannel: AnyObject {
    /// Each message goes alone, without its length before it.
    var isDatagram: Bool { get }
    /// Sends all of it; nil, or why it could not.
    func send(_ bytes: [UInt8]) -> String?
    /// Whether everything sent has reached the other machine, as far as can be told; waits a little for it.
    func isSettled() -> Bool
    /// Ends it.
    func close()
}

/// Sends records from the files to a receiver, from where it stopped the last time. It has a thread of its own.
///
/// The cursor moves when the receiver's machine has what was sent, so that records may arrive twice (`event.id` and
/// `event.sequence` tell) and none is left out.
public final class SinkShipper: Sendable {
    private let trail: AuditTrail
    private let settings: AuditSinkSettings
    private let directory: String
    private let cursorPath: String
    /// Where it stands.
    public let status: AuditSinkStatus
    private let connect: @Sendable () -> Result<any AuditChannel, AuditProblem>
    private let isStopping = Atomic<Bool>(false)
    private let files: FileSystem

    /// A sink that begins where the cursor in `stateDirectory` says, or with the oldest record there is.
    public convenience init(
        _ trail: AuditTrail, _ settings: AuditSinkSettings, name: String, options: AuditOptions,
        connect: @escaping @Sendable () -> Result<any AuditChannel, AuditProblem>
    ) {
        self.init(trail, settings, name: name, options: options, files: FileSystem(), connect: connect)
    }

    init(
        _ trail: AuditTrail, _ settings: AuditSinkSettings, name: String, options: AuditOptions, files: FileSystem,
        connect: @escaping @Sendable () -> Result<any AuditChannel, AuditProblem>
    ) {
        self.trail = trail
        self.settings = settings
        self.files = files
        self.connect = connect
        directory = options.settings.directory
        let safe = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        cursorPath = options.stateDirectory + "/audit-sink-" + safe + ".cursor"
        status = AuditSinkStatus(name: name)
        status.taken.store(readCursor()?.sequence ?? 0, ordering: .relaxed)
        trail.add(status)
    }

    /// Makes `run` return soon.
    public func stop() { isStopping.store(true, ordering: .relaxed) }

    private struct Cursor {
        var segment: UInt64 = 0
        var offset: Int64 = 0
        var sequence: UInt64 = 0
    }

    private func readCursor() -> Cursor? {
        guard let bytes = try? files.contents(cursorPath, most: 4096), let value = bytes.withSpan({ JSONValue($0) }),
            let segment = value["segment"]?.number, let offset = value["offset"]?.number,
            let sequence = value["sequence"]?.number
        else { return nil }
        return Cursor(segment: segment, offset: Int64(clamping: offset), sequence: sequence)
    }

    private func write(_ cursor: Cursor) {
        status.taken.store(cursor.sequence, ordering: .relaxed)
        status.takenTime.store(UnixTime.now(), ordering: .relaxed)
        let text = #"{"segment":\#(cursor.segment),"offset":\#(cursor.offset),"sequence":\#(cursor.sequence)}"# + "\n"
        do throws(FileError) { try files.replace(cursorPath, Array(text.utf8)) } catch { status.note("\(error)") }
    }

    /// Sends until `stop`. Blocks.
    public func run() {
        var cursor = readCursor() ?? Cursor()
        var pause = 100
        var isDown = false
        func down(_ reason: String) {
            status.fail(reason)
            if !isDown { tell(.auditSinkDown, reason) }
            isDown = true
        }
        while !isStopping.load(ordering: .relaxed) {
            switch connect() {
            case .failure(let problem): down("\(problem)")
            case .success(let channel):
                status.connected()
                if isDown { tell(.auditSinkUp, "") }
                isDown = false
                let failure = ship(channel, &cursor)
                channel.close()
                guard let failure else { break }
                down(failure)
                pause = 100
            }
            // A receiver that is away is asked again after a while, ever longer up to five seconds.
            for _ in 0..<(pause / 50) where !isStopping.load(ordering: .relaxed) { usleep(50_000) }
            pause = min(pause * 2, 5000)
        }
        trail.remove(status)
    }

    /// That a receiver is away, or there again, is a record.
    private func tell(_ kind: AuditEventKind, _ reason: String) {
        var fields = [
            AuditField("headgate.sink.name", .text(status.name)),
            AuditField("headgate.sink.sequence", .unsigned(status.sequence)),
        ]
        if !reason.isEmpty { fields.append(AuditField("error.message", .text(reason))) }
        trail.record(AuditEvent(kind, mode: .strict, fields))
    }

    /// Sends through one connection until it fails (why) or the sink is stopped (nil).
    private func ship(_ channel: any AuditChannel, _ cursor: inout Cursor) -> String? {
        var position = cursor
        var writtenAt: UInt64 = 0
        let message = SyslogMessage(
            host: FileSystem.hostName, process: getpid(), longest: settings.maxMessageSize.bytes,
            isFramed: !channel.isDatagram)
        while true {
            let isEnding = isStopping.load(ordering: .relaxed)
            var out = LineBuffer(capacity: 1 << 16)
            let read: Int
            do throws(FileError) {
                read = try collect(&position, message, upTo: channel.isDatagram ? 1 : 1 << 16, &out)
            } catch { return "\(error)" }
            if out.count > 0, let failure = channel.send(out.array()) { return failure }
            status.sent.store(position.sequence, ordering: .relaxed)
            if position.sequence > cursor.sequence || position.segment != cursor.segment {
                let now = UnixTime.monotonic()
                if read == 0 || now &- writtenAt >= 1_000_000_000 || isEnding, channel.isSettled() {
                    cursor = position
                    writtenAt = now
                    write(cursor)
                }
            }
            if isEnding, read == 0 { return nil }
            if read == 0 { usleep(20_000) }
        }
    }

    /// The next records that are on disk, up to 64 KiB of them; how many.
    private func collect(
        _ position: inout Cursor, _ message: SyslogMessage, upTo most: Int, _ out: inout LineBuffer
    ) throws(FileError) -> Int {
        var count = 0
        let current = trail.status.segment.load(ordering: .acquiring)
        let firsts = try SegmentName.all(in: directory, files)
        guard
            let first = firsts.contains(position.segment)
                ? position.segment : firsts.first(where: { $0 > position.segment })
        else { return 0 }
        if first != position.segment { position = Cursor(segment: first, offset: 0, sequence: position.sequence) }
        let end: Int64 =
            first == current ? Int64(clamping: trail.status.segmentDurable.load(ordering: .acquiring)) : .max
        var reader = try LineReader(
            directory + "/" + SegmentName.name(first), files, from: position.offset, to: end)
        while out.count < most, let line = try reader.next() {
            append(line, message, &out)
            position.offset = reader.offset
            if let seal = line.withSpan({ RecordSeal($0) }) { position.sequence = seal.sequence }
            count += 1
        }
        if count == 0, first != current, let next = firsts.first(where: { $0 > first }) {
            position = Cursor(segment: next, offset: 0, sequence: position.sequence)
            return try collect(&position, message, upTo: most, &out)
        }
        return count
    }

    private func append(_ line: [UInt8], _ message: SyslogMessage, _ out: inout LineBuffer) {
        switch settings.kind {
        case .syslog:
            if message.render(line, into: &out) { status.shortened.add(1, ordering: .relaxed) }
        case .stdout, .unix, .kafka:
            out.bytes(line)
            out.byte(0x0A)
        }
    }
}
