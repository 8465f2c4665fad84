import ByteKit
import Credentials
import Settings
import Testing

@testable import AuditTrail

/// A file system in which calls can be made to fail.
final class FaultyFiles: FileSystem, @unchecked Sendable {
    // Safe to share: a test uses it on one thread.
    /// Errors of the next writes and syncs, by number; nil: goes well.
    var writeFault: Int32?
    var syncFault: Int32?
    var openFault: Int32?
    /// Writes to these succeed all the same: the emergency file has its blocks.
    var spared: Set<Int32> = []
    var sparesRenamed = false
    var freeSpace: Int64?
    private var renamed: Set<String> = []

    override func open(_ path: String, _ access: Access, mode: UInt32) throws(FileError) -> Int32 {
        if let openFault, access == .new, path.hasSuffix(".ndjson") { throw FileError(Int(-openFault), "open \(path)") }
        let fd = try super.open(path, access, mode: mode)
        if renamed.contains(path) { spared.insert(fd) }
        return fd
    }

    override func close(_ fd: Int32) {
        spared.remove(fd)
        super.close(fd)
    }

    override func rename(_ from: String, _ to: String) throws(FileError) {
        try super.rename(from, to)
        if sparesRenamed, from.hasSuffix(SegmentName.emergency) { renamed.insert(to) }
    }

    override func write(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
        if let writeFault, !spared.contains(fd) {
            // Half of it gets there, as on a disk that fills up.
            try unsafe super.write(fd, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]))
            throw FileError(Int(-writeFault), "write an audit file")
        }
        try unsafe super.write(fd, bytes)
    }

    override func sync(_ fd: Int32) throws(FileError) {
        if let syncFault { throw FileError(Int(-syncFault), "sync an audit file") }
        try super.sync(fd)
    }

    override func space(_ path: String) throws(FileError) -> Int64 {
        if let freeSpace { return freeSpace }
        return 1 << 40
    }
}

/// A trail in a directory of its own, whose writer the test turns by hand.
final class TrailDesk {
    let directory: String
    let files = FaultyFiles()
    var settings = AuditSettings()
    private(set) var trail: AuditTrail
    private(set) var writer: AuditWriter
    private(set) var producer: AuditProducer
    private var lock: Int32 = -1
    private var nextID: UInt64 = 0

    init(_ change: (inout AuditSettings) -> Void = { _ in }) throws {
        directory = "/tmp/headgate-audit-test-" + String(decoding: Hex.encode(randomBytes(6)), as: UTF8.self)
        settings.enabled = true
        settings.directory = directory + "/trail"
        settings.emergencySize = ByteSize(bytes: 1 << 20)
        settings.spaceLeft = .zero
        settings.adminSpaceLeft = .zero
        change(&settings)
        (trail, writer, producer, lock) = try Self.start(settings, directory, files)
    }

    deinit {
        writer.close()
        files.close(lock)
        for path in ["/trail", ""] {
            for name in (try? files.list(directory + path)) ?? [] { try? files.remove("\(directory)\(path)/\(name)") }
        }
    }

    private static func start(_ settings: AuditSettings, _ directory: String, _ files: FileSystem)
        throws -> (AuditTrail, AuditWriter, AuditProducer, Int32)
    {
        let options = AuditOptions(settings: settings, node: "px-1", stateDirectory: directory, version: "test")
        let trail = try AuditTrail.open(options, files: files).get()
        let setup = try #require(trail.takeSetup())
        let writer = try #require(trail.makeWriter(setup))
        writer.begin(setup.lifecycle, setup.recovered)
        let producer = trail.makeProducer(ringSize: 1 << 20) {}
        producer.defineSamples()
        return (trail, writer, producer, setup.lock)
    }

    /// Ends the process, in order or not, and begins another.
    func restart(inOrder: Bool = true) throws {
        if inOrder { writer.end() } else { writer.close() }
        files.close(lock)
        (trail, writer, producer, lock) = try Self.start(settings, directory, files)
    }

    func stop() {
        writer.end()
        files.close(lock)
        lock = -1
    }

    /// Records so many statements and lets the writer have a turn.
    @discardableResult
    func record(_ count: Int = 1, mode: AuditMode = .buffered) -> AuditTicket? {
        var last: AuditTicket?
        for _ in 0..<count {
            nextID += 1
            last = producer.record(AuditStatement.sample(nextID, mode: mode)) ?? last
        }
        turn()
        return last
    }

    func turn() { while writer.turn().sleep == .awake {} }

    /// Lets a second pass for what is done once a second.
    func passSecond() {
        if case .ill(let refusal, let since, _) = writer.health {
            writer.health = .ill(refusal, since: since, triedAt: 0)
        }
        writer.spaceAt = 0
        turn()
    }

    var segments: [String] {
        ((try? SegmentName.all(in: settings.directory, files)) ?? []).map { SegmentName.name($0) }
    }

    func lines(_ segment: String) -> [[UInt8]] {
        Lines.split((try? files.contents("\(settings.directory)/\(segment)", most: 1 << 26)) ?? [])
    }

    func write(_ segment: String, _ lines: [[UInt8]]) throws {
        try write(segment, bytes: lines.flatMap { $0 + [10] })
    }

    func write(_ segment: String, bytes: [UInt8]) throws {
        let path = "\(settings.directory)/\(segment)"
        try? files.remove(path)
        let fd = try FileSystem().open(path, .new)
        try FileSystem().write(fd, bytes)
        files.close(fd)
    }

    func verify(keys: [UInt8]? = nil, anchor: [UInt8]? = nil) throws -> AuditReport {
        try AuditVerification.run(settings.directory, publicKeys: keys, anchor: anchor).get()
    }

    var publicKeys: [UInt8] { (try? files.contents(directory + "/" + SegmentName.keys)) ?? [] }

    /// All lines of all segments as text.
    var text: String {
        segments.flatMap { lines($0) }.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }

    func count(_ mark: String) -> Int { text.split(separator: "\n").count { $0.contains(mark) } }
}
