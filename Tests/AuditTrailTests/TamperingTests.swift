import ByteKit
import Credentials
import Settings
import Testing

@testable import AuditTrail

/// Everything somebody may do to the files, and what the verifier says. Statements are records 4 to 33 of the first
/// segment (header, lifecycle, audit.start before them).
@Suite("Tampering") struct TamperingTests {
    private func desk(_ segments: Int = 1) throws -> (TrailDesk, [String], keys: [UInt8]) {
        let desk = try TrailDesk()
        desk.record(30)
        for _ in 1..<segments {
            desk.trail.rotate()
            desk.turn()
            desk.record(30)
        }
        desk.stop()
        let report = try desk.verify(keys: desk.publicKeys)
        #expect(report.isGood, "\(report.text)")
        return (desk, desk.segments, desk.publicKeys)
    }

    private func expect(
        _ desk: TrailDesk, _ sequence: UInt64, _ kind: String, keys: [UInt8]? = nil, anchor: [UInt8]? = nil
    )
        throws
    {
        let report = try desk.verify(keys: keys, anchor: anchor)
        #expect(report.broken.first?.sequence == sequence, "\(report.text)")
        #expect(report.broken.first?.kind == kind, "\(report.text)")
    }

    @Test("one bit, anywhere in a record")
    func bit() throws {
        let (desk, names, _) = try desk()
        let whole = desk.lines(names[0])
        let length = whole[9].count
        for at in stride(from: 0, to: length, by: 61) {
            var lines = whole
            lines[9][at] ^= 1
            try desk.write(names[0], lines)
            let report = try desk.verify()
            let first = report.broken.first?.sequence ?? 0
            // A bit of the sequence number or of the stated hash may name the record beside it.
            #expect((10...11).contains(first), "byte \(at): \(report.text)")
        }
    }

    @Test("a record deleted")
    func deleted() throws {
        let (desk, names, _) = try desk()
        var lines = desk.lines(names[0])
        lines.remove(at: 9)
        try desk.write(names[0], lines)
        try expect(desk, 10, "missing")
    }

    @Test("two records swapped")
    func swapped() throws {
        let (desk, names, _) = try desk()
        var lines = desk.lines(names[0])
        lines.swapAt(9, 10)
        try desk.write(names[0], lines)
        try expect(desk, 10, "missing")
    }

    @Test("a record twice")
    func duplicated() throws {
        let (desk, names, _) = try desk()
        var lines = desk.lines(names[0])
        lines.insert(lines[9], at: 10)
        try desk.write(names[0], lines)
        try expect(desk, 10, "repeated")
    }

    @Test("the end cut off at a record: what is there is whole, and an anchor says what is missing")
    func truncatedAtRecord() throws {
        let (desk, names, _) = try desk()
        let lines = desk.lines(names[0])
        let anchor = try #require(lines.last { String(decoding: $0, as: UTF8.self).contains("audit.checkpoint") })
        try desk.write(names[0], Array(lines.prefix(20)))
        #expect(try desk.verify().isGood)
        try expect(desk, 21, "anchor", anchor: Array("<110>1 - px headgate - audit - ".utf8) + anchor)
    }

    @Test("the end cut off within a record")
    func truncatedWithin() throws {
        let (desk, names, _) = try desk()
        let lines = desk.lines(names[0])
        try desk.write(names[0], bytes: lines.prefix(20).flatMap { $0 + [10] } + Array(lines[20].prefix(99)))
        try expect(desk, 21, "truncated")
    }

    @Test("a whole segment gone from the middle")
    func segmentGone() throws {
        let (desk, names, _) = try desk(3)
        let first = try #require(desk.lines(names[1]).first)
        let sequence = try #require(first.withSpan { RecordSeal($0) }).sequence
        try desk.files.remove("\(desk.settings.directory)/\(names[1])")
        try expect(desk, sequence, "missing")
    }

    /// The lines with every hash made again from `index` on, as somebody without the key can do it.
    private func chained(_ lines: [[UInt8]], from index: Int) -> [[UInt8]] {
        var lines = lines
        for at in index..<lines.count {
            var text = String(decoding: lines[at], as: UTF8.self)
            guard let before = lines[at - 1].withSpan({ RecordSeal($0) }),
                let seal = lines[at].withSpan({ RecordSeal($0) })
            else { continue }
            text = String(decoding: Array(text.utf8).prefix(seal.hashedLength), as: UTF8.self)
            text = text.replacing(seal.previous.hexadecimal, with: before.hash.hexadecimal)
            let body = Array(text.utf8)
            let hash = (Array("headgate.audit.v1".utf8) + before.hash.bytes + body).withSpan { ChainHash(of: $0) }
            lines[at] = body + Array(#","hash":"sha256:\#(hash.hexadecimal)"}}"#.utf8)
        }
        return lines
    }

    @Test("a record changed and every hash behind it made again: the next checkpoint's signature says so")
    func rechained() throws {
        let (desk, names, _) = try desk()
        var lines = desk.lines(names[0])
        lines[9] = Array(
            String(decoding: lines[9], as: UTF8.self).replacing("billing_rw", with: "somebody_x").utf8)
        try desk.write(names[0], chained(lines, from: 9))
        let report = try desk.verify()
        #expect(report.broken.first?.kind == "signature", "\(report.text)")
        // The last good signature is before the change; the first record it does not cover is named.
        #expect((report.broken.first?.sequence ?? .max) <= 10, "\(report.text)")
    }

    @Test("written again with a key of the attacker's, or with a later key of ours")
    func resigned() throws {
        let desk = try TrailDesk()
        desk.record(30)
        _ = try AuditKeys.rotate(desk.directory + "/audit-key.pem", desk.files)
        desk.trail.rotate()
        desk.turn()
        desk.record(30)
        desk.stop()
        let keys = desk.publicKeys
        let later = try #require(AuditKeys.trusted(keys).last)
        #expect(later.from > 30)
        // A trail from the start that is signed with the later key throughout.
        let forged = try TrailDesk()
        forged.stop()
        try forged.files.replace(
            forged.directory + "/audit-key.pem", try desk.files.contents(desk.directory + "/audit-key.pem"), mode: 0o600
        )
        for name in forged.segments { try forged.files.remove("\(forged.settings.directory)/\(name)") }
        try forged.restart(inOrder: false)
        forged.record(10)
        forged.stop()
        #expect(try forged.verify().isGood)
        try expect(forged, 1, "key", keys: keys)
        let own = try TrailDesk()
        own.record(3)
        own.stop()
        try expect(own, 1, "key", keys: keys)
    }

    @Test("an old segment under a new name")
    func replayed() throws {
        let (desk, names, _) = try desk(2)
        let lines = desk.lines(names[0])
        try desk.write(SegmentName.name(5000), lines)
        try expect(desk, 1, "name")
    }

    @Test("two streams, one after the other and record by record")
    func interleaved() throws {
        let (one, names, _) = try desk()
        let (other, otherNames, _) = try desk()
        let mine = one.lines(names[0])
        let theirs = other.lines(otherNames[0])
        try one.write(names[0], Array(zip(mine, theirs).flatMap { [$0, $1] }))
        let report = try one.verify()
        #expect(report.broken.first?.sequence == 1, "\(report.text)")
        try one.write(names[0], Array(mine.prefix(12)) + Array(theirs.dropFirst(12)))
        try expect(one, 13, "altered")
    }

    @Test("checkpoints taken out, and the rest chained again")
    func unsigned() throws {
        let desk = try TrailDesk()
        for _ in 0..<5 { desk.record(1000) }
        desk.stop()
        let name = try #require(desk.segments.first)
        let lines = desk.lines(name).filter { !String(decoding: $0, as: UTF8.self).contains("audit.checkpoint") }
        try desk.write(name, lines)
        #expect(!(try desk.verify()).isGood)
        // Renumbered and chained again, nothing is wrong but that nobody has signed.
        var fresh: [[UInt8]] = [lines[0]]
        var state = try #require(
            lines[0].withSpan { RecordSeal($0) }.map { ChainState(sequence: $0.sequence, hash: $0.hash) })
        for line in lines.dropFirst() {
            let seal = try #require(line.withSpan { RecordSeal($0) })
            var text = String(decoding: line.prefix(seal.hashedLength), as: UTF8.self)
            text.removeLast(String(seal.sequence).count)
            text = text.replacing(seal.previous.hexadecimal, with: state.hash.hexadecimal) + "\(state.sequence + 1)"
            let body = Array(text.utf8)
            let hash = (Array("headgate.audit.v1".utf8) + state.hash.bytes + body).withSpan { ChainHash(of: $0) }
            fresh.append(body + Array(#","hash":"sha256:\#(hash.hexadecimal)"}}"#.utf8))
            state = ChainState(sequence: state.sequence + 1, hash: hash)
        }
        try desk.write(name, fresh)
        try expect(desk, 1, "unsigned")
    }

    @Test("a clock that went back is told, and is no break")
    func clock() throws {
        let desk = try TrailDesk()
        desk.record(1000)
        desk.writer.wall = { UnixTime.now() &- 3_600_000_000_000 }
        desk.record(1000)
        desk.stop()
        let report = try desk.verify(keys: desk.publicKeys)
        #expect(report.isGood, "\(report.text)")
        #expect(report.warnings.first?.kind == "clock", "\(report.text)")
        #expect((report.warnings.first?.sequence ?? 0) > 1000)
    }
}
