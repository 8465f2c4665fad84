import Credentials
import Settings
import Synchronization
import Testing

@testable import AuditTrail

@Suite("Audit writer") struct WriterTests {
    @Test("a trail verifies from its first record to its footer, over restarts")
    func whole() throws {
        let desk = try TrailDesk()
        desk.record(2500)
        try desk.restart()
        desk.record(10)
        desk.stop()
        let report = try desk.verify(keys: desk.publicKeys)
        #expect(report.isGood, "\(report.text)")
        #expect(report.segments == 2)
        #expect(report.firstSequence == 1)
        #expect(report.checkpoints >= 4)
        #expect(report.lastSequence == report.records)
        #expect(report.lastSequence - report.signedSequence <= 2)
        #expect(desk.count(#""action":"statement""#) == 2510)
        #expect(desk.count(#""action":"lifecycle""#) == 4)
        #expect(desk.count(#""action":"audit.stop""#) == 2)
    }

    @Test("a ticket is durable when its batch has been synced, and not before")
    func durable() throws {
        let desk = try TrailDesk()
        let ticket = try #require(desk.producer.record(AuditStatement.sample(1, mode: .strict)))
        #expect(desk.producer.durable < ticket)
        desk.turn()
        #expect(desk.producer.durable >= ticket)
    }

    @Test("after a crash the unfinished line is cut off, the chain goes on, and the start says so")
    func tornTail() throws {
        let desk = try TrailDesk()
        desk.record(5)
        let name = try #require(desk.segments.last)
        let whole = desk.lines(name)
        try desk.restartAfter { try desk.write(name, bytes: whole.flatMap { $0 + [10] } + Array(whole[0].prefix(100))) }
        desk.record(3)
        desk.stop()
        let report = try desk.verify()
        #expect(report.isGood, "\(report.text)")
        #expect(desk.count(#""phase":"start_after_crash""#) == 1)
        #expect(desk.count(#""truncated_tail":{"bytes":100,"lines":0}"#) == 1)
    }

    @Test("whole lines behind the end of the chain are kept as evidence")
    func damagedTail() throws {
        let desk = try TrailDesk()
        desk.record(5)
        let name = try #require(desk.segments.last)
        let whole = desk.lines(name)
        try desk.restartAfter { try desk.write(name, whole + [whole[1], whole[2]]) }
        desk.stop()
        #expect(try desk.verify().isGood)
        #expect(desk.count(#""lines":2,"kept_in":"#) == 1)
        #expect(try desk.files.contents("\(desk.settings.directory)/\(name).damaged").count > 500)
    }

    @Test("a full disk: the emergency segment says so, nothing is lost, and the trail goes on when there is room")
    func diskFull() throws {
        let desk = try TrailDesk { $0.onOverflow = .deny }
        desk.record(3)
        desk.files.sparesRenamed = true
        desk.files.writeFault = FileError.noSpace
        desk.files.freeSpace = 0
        let ticket = try #require(desk.record(2, mode: .strict))
        // What was on its way is safe in the emergency segment.
        #expect(desk.producer.durable >= ticket)
        #expect(desk.producer.refusal == .diskFull)
        #expect(desk.producer.refusal(for: .buffered) == .diskFull)
        #expect(desk.producer.refusal(for: .relaxed) == nil)
        // Statements stay in the ring; what must be said is said.
        let waiting = try #require(desk.record(1))
        _ = desk.producer.record(AuditEvent(.adminCommand, mode: .strict))
        desk.turn()
        #expect(desk.producer.durable < waiting)
        desk.passSecond()
        #expect(desk.producer.refusal == .diskFull)
        desk.files.writeFault = nil
        desk.files.freeSpace = 1 << 40
        desk.passSecond()
        #expect(desk.producer.refusal == nil)
        #expect(desk.producer.durable >= waiting)
        desk.record(1)
        desk.stop()
        let report = try desk.verify(keys: desk.publicKeys)
        #expect(report.isGood, "\(report.text)")
        #expect(desk.count(#""action":"statement""#) == 7)
        #expect(desk.count(#""action":"audit.degraded""#) == 1)
        #expect(desk.count(#""action":"audit.restored""#) == 1)
        #expect(report.gaps == 0)
    }

    @Test("a full disk without anything kept back: records wait, and none is lost or there twice")
    func diskFullWithoutReserve() throws {
        let desk = try TrailDesk { $0.emergencySize = .zero }
        desk.record(3)
        desk.files.writeFault = FileError.noSpace
        let ticket = try #require(desk.record(2, mode: .strict))
        #expect(desk.producer.durable < ticket)
        #expect(desk.producer.refusal == .diskFull)
        desk.files.writeFault = nil
        desk.passSecond()
        #expect(desk.producer.durable >= ticket)
        desk.stop()
        let report = try desk.verify()
        #expect(report.isGood, "\(report.text)")
        #expect(desk.count(#""action":"statement""#) == 5)
    }

    @Test("dropping is counted, by class, in a gap")
    func dropped() throws {
        let desk = try TrailDesk {
            $0.onOverflow = .drop
            $0.emergencySize = .zero
        }
        desk.files.writeFault = FileError.noSpace
        desk.record(1)
        desk.record(4)
        desk.files.writeFault = nil
        desk.passSecond()
        desk.stop()
        let report = try desk.verify()
        #expect(report.isGood, "\(report.text)")
        #expect(report.gaps == 1)
        #expect(report.lostRecords == 4)
        #expect(desk.count(#""by_class":{"WRITE":4},"cause":"diskFull""#) == 1)
    }

    @Test("a failed fdatasync: the file is left, and the records are in the next one")
    func syncFault() throws {
        let desk = try TrailDesk()
        desk.record(3)
        let before = desk.segments
        desk.files.syncFault = FileError.inputOutput
        let ticket = try #require(desk.record(2, mode: .strict))
        #expect(desk.producer.durable < ticket)
        #expect(desk.producer.refusal == .ioError)
        desk.files.syncFault = nil
        desk.passSecond()
        #expect(desk.producer.durable >= ticket)
        desk.stop()
        #expect(desk.segments.count == before.count + 1)
        let report = try desk.verify()
        #expect(report.isGood, "\(report.text)")
        #expect(desk.count(#""action":"statement""#) == 5)
    }

    @Test("a directory that cannot be written to: refused with the right reason, until it can")
    func readOnly() throws {
        let desk = try TrailDesk()
        desk.files.writeFault = FileError.readOnly
        desk.record(2, mode: .strict)
        #expect(desk.producer.refusal == .readOnly)
        desk.files.writeFault = nil
        desk.passSecond()
        #expect(desk.producer.refusal == nil)
        desk.stop()
        #expect(try desk.verify().isGood)
        #expect(desk.count(#""action":"statement""#) == 2)
    }

    @Test("little space: relaxed records are dropped and counted, others are not")
    func littleSpace() throws {
        let desk = try TrailDesk {
            $0.spaceLeft = ByteSize(bytes: 2000)
            $0.adminSpaceLeft = ByteSize(bytes: 1000)
        }
        desk.files.freeSpace = 500
        desk.passSecond()
        desk.record(3, mode: .relaxed)
        desk.record(2)
        desk.files.freeSpace = 5000
        desk.passSecond()
        desk.stop()
        let report = try desk.verify()
        #expect(report.isGood && report.lostRecords == 3, "\(report.text)")
        #expect(desk.count(#""action":"statement""#) == 2)
        #expect(desk.count(#""cause":"admin_space_left""#) == 1)
    }

    @Test("files end by size and on request, and are deleted by size, but not before the sinks have them")
    func rotation() throws {
        let desk = try TrailDesk {
            $0.rotateSize = ByteSize(bytes: 20_000)
            $0.retainBytes = ByteSize(bytes: 50_000)
        }
        let sink = AuditSinkStatus(name: "test")
        desk.trail.add(sink)
        for _ in 0..<20 { desk.record(10) }
        let all = desk.segments.count
        #expect(all > 5)
        #expect(try desk.verify().isGood)
        sink.taken.store(.max, ordering: .relaxed)
        desk.writer.retainAt = 0
        desk.turn()
        #expect(desk.segments.count < all && desk.segments.count >= 1)
        desk.trail.rotate()
        desk.turn()
        desk.record(1)
        desk.stop()
        let report = try desk.verify(keys: desk.publicKeys)
        #expect(report.isGood, "\(report.text)")
        #expect((report.firstSequence ?? 0) > 1)
    }

    @Test("a new key takes over with the signature of the old one")
    func keyRotation() throws {
        let desk = try TrailDesk()
        desk.record(3)
        let path = desk.directory + "/audit-key.pem"
        _ = try AuditKeys.rotate(path, desk.files)
        desk.trail.rotate()
        desk.turn()
        desk.record(3)
        try desk.restart()
        desk.record(1)
        desk.stop()
        let report = try desk.verify(keys: desk.publicKeys)
        #expect(report.isGood, "\(report.text)")
        #expect(report.keys.count == 2)
        #expect(desk.count(#""action":"audit.key_rotated""#) == 1)
        #expect(AuditKeys.trusted(desk.publicKeys).count == 2)
    }

    @Test("readings that were noted become records")
    func reads() throws {
        let desk = try TrailDesk()
        #expect(AuditReading.noteReading(desk.settings.directory, what: "--user bob"))
        desk.passSecond()
        #expect(desk.count(#""read":{"time":"#) == 1)
        #expect(desk.count(#""what":"--user bob""#) == 1)
        desk.stop()
    }

    @Test("two processes cannot write to one directory")
    func locked() throws {
        let desk = try TrailDesk()
        let options = AuditOptions(
            settings: desk.settings, node: "px-2", stateDirectory: desk.directory, version: "test")
        #expect(throws: AuditProblem.self) { try AuditTrail.open(options, files: FileSystem()).get() }
    }

    @Test("another policy is a record; the directory stays until a restart")
    func policyChange() throws {
        let desk = try TrailDesk()
        var settings = desk.settings
        settings.mode = .strict
        settings.directory = "/elsewhere"
        desk.trail.adopt(
            AuditOptions(settings: settings, node: "px-1", stateDirectory: desk.directory, version: "test"))
        desk.passSecond()
        desk.record(1)
        desk.stop()
        #expect(try desk.verify().isGood)
        #expect(desk.count(#""action":"audit.policy_change""#) == 1)
        #expect(desk.count(#""policy":{"mode":"strict""#) == 2)
        #expect(desk.count(#""policy_before":{"mode":"buffered""#) == 1)
    }

    @Test("filters")
    func filters() throws {
        let desk = try TrailDesk()
        desk.record(3)
        desk.stop()
        func count(_ change: (inout AuditFilter) -> Void) throws -> Int {
            var filter = AuditFilter()
            change(&filter)
            var count = 0
            try AuditReading.cat(desk.settings.directory, filter, follows: false) { _ in
                count += 1
                return true
            }.get()
            return count
        }
        #expect(try count { $0.user = "billing_rw" } == 3)
        #expect(try count { $0.user = "nobody" } == 0)
        #expect(try count { $0.table = "public.invoices" } == 3)
        #expect(try count { $0.table = "invoices" } == 3)
        #expect(try count { $0.statementClass = "write" } == 3)
        #expect(try count { $0.client = "10.2." } == 3)
        #expect(try count { $0.client = "10.2" } == 0)
        #expect(try count { $0.action = "audit." } > 2)
        #expect(
            try count {
                $0.since = "2025-11-20T20:41"; $0.until = "2025-11-20T20:42"
            } == 3)
        #expect(try count { $0.outcome = "failure" } == 0)
        #expect(try count { $0.fingerprint = "8c1e55aa90b1f3d2" } == 3)
        #expect(try count { $0.app = "billing" } == 3)
        #expect(try count { _ in } == 7)
    }
}

extension TrailDesk {
    /// A crash, something done to the files, and another start.
    func restartAfter(_ body: () throws -> Void) throws {
        writer.close()
        try body()
        try restart(inOrder: false)
    }
}
