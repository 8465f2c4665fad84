import Synchronization

/// The fields of a line: keys are literals; a value is whatever describes itself. Secrets and raw SQL are types whose
/// description is `<secret>`, so they cannot get into a line any other way.
public typealias LogFields = KeyValuePairs<StaticString, any CustomStringConvertible>

/// The process's log: one logfmt line on stderr per call.
///
/// Any thread. A line is one `write(2)` of at most 4096 bytes and never waits for a reader: when stderr (a pipe, a
/// socket) would block, the line is dropped and counted, and a later line says how many were. A level that is off
/// costs one load.
public enum Log {
    /// Lines below this level are not even made. Any thread.
    public static var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Where lines go; 2 unless a test says otherwise. Not closed by the log.
    public static var descriptor: Int32 {
        get { sink.descriptor }
        set { sink.descriptor = newValue }
    }

    /// How many lines were dropped because stderr would have blocked.
    public static var dropped: UInt64 { sink.dropped }

    /// Whether lines of `level` are written, for callers with expensive fields.
    public static func isEnabled(_ level: LogLevel) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    /// A line for whoever debugs Headgate.
    public static func debug(
        _ event: StaticString, _ message: @autoclosure () -> String = "", _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if isEnabled(.debug) { write(.debug, event, message(), fields()) }
    }

    /// A line an operator likes to see.
    public static func info(
        _ event: StaticString, _ message: @autoclosure () -> String = "", _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if isEnabled(.info) { write(.info, event, message(), fields()) }
    }

    /// A line an operator should look at.
    public static func warn(
        _ event: StaticString, _ message: @autoclosure () -> String = "", _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if isEnabled(.warn) { write(.warn, event, message(), fields()) }
    }

    /// A line about something that does not work.
    public static func error(
        _ event: StaticString, _ message: @autoclosure () -> String = "", _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if isEnabled(.error) { write(.error, event, message(), fields()) }
    }

    /// A line about why the process ends. Does not end it.
    public static func fatal(
        _ event: StaticString, _ message: @autoclosure () -> String = "", _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if isEnabled(.fatal) { write(.fatal, event, message(), fields()) }
    }

    /// A line of a level chosen at run time, held back by nothing.
    @inline(never)
    static func write(_ level: LogLevel, _ event: StaticString, _ message: String, _ fields: LogFields) {
        var line = LogLine(micros: Clock.wallMicros(), level: level, event: event)
        if !message.isEmpty { line.add(key: "msg", message) }
        for (key, value) in fields { line.add(key: key, value.description) }
        line.finish()
        sink.write(line.bytes)
    }

    private static let threshold = Atomic<UInt8>(LogLevel.info.rawValue)
    private static let sink = LogSink()
}
