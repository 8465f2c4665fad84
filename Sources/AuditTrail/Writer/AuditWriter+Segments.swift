import ByteKit
import Credentials
import Settings
import Synchronization

/// Files: opening, closing, rotating, deleting.
extension AuditWriter {
    enum SegmentKind {
        case ordinary
        /// After a failed write or sync: the file before may end with records that are here again.
        case afterFailure(String)
        /// The reserved blocks, under a name of its own.
        case emergency
    }

    var directory: String { options.settings.directory }

    /// Opens the next segment: its header, then what was in the batch, is in the batch afterwards, chained behind what is
    /// committed.
    func openSegment(_ kind: SegmentKind) throws(FileError) {
        let first = committed.sequence &+ 1
        let path = directory + "/" + SegmentName.name(first)
        var isEmergency = false
        if case .emergency = kind {
            try files.rename(directory + "/" + SegmentName.emergency, path)
            isEmergency = true
        }
        // A file of this name holds nothing that is committed: what is left of an attempt that failed.
        if !isEmergency { try? files.remove(path) }
        let fd = try files.open(path, isEmergency ? .append : .new)
        close()
        try? files.syncDirectory(directory)
        segment = Segment(
            path: path, fd: fd, first: first, openedAt: UnixTime.monotonic(), isEmergency: isEmergency)
        // In this order: a sink that sees the new length with the old segment takes all of that one, which is complete.
        status.segmentBytes.store(0, ordering: .relaxed)
        status.segmentDurable.store(0, ordering: .sequentiallyConsistent)
        status.segment.store(first, ordering: .sequentiallyConsistent)
        status.isEmergency.store(isEmergency, ordering: .relaxed)
        let kept = batch.takeAll()
        state = committed
        note(header(first, kind))
        handOver()
        batch.append(kept, &state)
        lastCheckpoint = min(lastCheckpoint, committed.sequence)
    }

    private func header(_ first: UInt64, _ kind: SegmentKind) -> AuditEvent {
        var fields = [
            AuditField("observer.hostname", .text(FileSystem.hostName)),
            AuditField("observer.serial_number", .text(options.node)),
            AuditField("observer.version", .text(options.version)),
            AuditField("ecs.version", .text("8.17")),
            AuditField("headgate.segment.first_seq", .unsigned(first)),
            AuditField("headgate.segment.alg", .text("sha256")),
            AuditField("headgate.segment.key_id", .text((previousKey ?? key).publicKey.id)),
            AuditField("headgate.segment.public_key", .text(base64((previousKey ?? key).publicKey.raw))),
            AuditField("headgate.segment.genesis", .flag(first == 1)),
        ]
        switch kind {
        case .ordinary: break
        case .afterFailure(let path):
            fields.append(AuditField("headgate.segment.after_failure_of", .text(path)))
        case .emergency: fields.append(AuditField("headgate.segment.emergency", .flag(true)))
        }
        return AuditEvent(.auditSegmentStart, fields)
    }

    /// The key before hands over to the one there is now.
    private func handOver() {
        guard let old = previousKey else { return }
        let at = state
        let signature = old.sign(CheckpointNote.handOver(stream: stream, size: at.sequence, to: key.publicKey)) ?? []
        note(
            AuditEvent(
                .auditKeyRotated, mode: .strict,
                [
                    AuditField("headgate.key.size", .unsigned(at.sequence)),
                    AuditField("headgate.key.old_id", .text(old.publicKey.id)),
                    AuditField("headgate.key.new_id", .text(key.publicKey.id)),
                    AuditField("headgate.key.new_public_key", .text(base64(key.publicKey.raw))),
                    AuditField("headgate.key.signature", .text(base64(signature))),
                ]))
    }

    /// Lets go of the segment.
    func close() {
        if let segment {
            // Gives back what of the reserved blocks was not needed.
            if segment.isEmergency { try? files.truncate(segment.fd, to: segment.size) }
            files.close(segment.fd)
        }
        segment = nil
    }

    func rotateIfDue(_ now: UInt64) {
        let isAsked = isRotationDue
        isRotationDue = false
        let before = key
        if isAsked { renewKey() }
        guard let segment, segment.size > 0 else { return }
        let age = UInt64(clamping: options.settings.rotateAge.microseconds) &* 1000
        let isBig = segment.size >= Int64(options.settings.rotateSize.bytes)
        guard isAsked || isBig || (age > 0 && elapsed(now, segment.openedAt) >= age) || segment.isEmergency else {
            return
        }
        // The old key signs for the last time.
        let renewed = key
        key = before
        finishSegment(now)
        key = renewed
        guard previousKey != nil, health == .well else { return }
        note(AuditEvent(.secretRotated, mode: .strict, [AuditField("headgate.secret", .text("audit key"))]))
        commit(now)
        handedOver()
    }

    /// Ends the segment with a checkpoint and its footer; the next record opens another.
    func finishSegment(_ now: UInt64) {
        guard let old = segment, batch.isEmpty else { return }
        if state.sequence > lastCheckpoint { checkpoint() }
        note(
            AuditEvent(
                .auditSegmentEnd,
                [
                    AuditField("headgate.segment.first_seq", .unsigned(old.first)),
                    AuditField("headgate.segment.last_seq", .unsigned(state.sequence &+ 1)),
                    AuditField("headgate.segment.records", .unsigned(state.sequence &+ 2 &- old.first)),
                ]))
        commit(now)
        guard health == .well else { return }
        close()
        retainAt = 0
    }

    /// Deletes what is older or more than the configuration keeps: whole segments, the oldest first, never the one being
    /// written and never what a sink has not taken.
    func retain(_ now: UInt64) {
        guard retainAt == 0 || elapsed(now, retainAt) >= 10_000_000_000 else { return }
        retainAt = now
        guard let firsts = try? SegmentName.all(in: directory, files) else { return }
        var kept: [(first: UInt64, facts: FileFacts)] = []
        for first in firsts {
            if let facts = try? files.facts(directory + "/" + SegmentName.name(first)) { kept.append((first, facts)) }
        }
        var total = kept.reduce(Int64(0)) { $0 &+ $1.facts.size }
        defer {
            status.segments.store(UInt64(kept.count), ordering: .relaxed)
            status.directoryBytes.store(UInt64(clamping: total), ordering: .relaxed)
        }
        let mostBytes = Int64(options.settings.retainBytes.bytes)
        let mostAge = options.settings.retainAge.microseconds / 1_000_000
        let clock = Int64(UnixTime.now() / 1_000_000_000)
        let taken = trail.takenBySinks()
        while kept.count > 1 {
            let oldest = kept[0]
            let isOver = mostBytes > 0 && total > mostBytes
            let isOld = mostAge > 0 && clock &- oldest.facts.modified > mostAge
            guard isOver || isOld, oldest.first != segment?.first, kept[1].first &- 1 <= taken else { break }
            guard (try? files.remove(directory + "/" + SegmentName.name(oldest.first))) != nil else { break }
            total &-= oldest.facts.size
            kept.removeFirst()
            notice(AuditNotice(level: .info, text: "deleted \(SegmentName.name(oldest.first)), as retention says"))
        }
    }

    /// Reserves the blocks for when the disk is full.
    func reserveEmergency() {
        let size = Int64(options.settings.emergencySize.bytes)
        let path = directory + "/" + SegmentName.emergency
        guard size > 0 else { return }
        do throws(FileError) {
            let fd = try files.open(path, .appendNew)
            defer { files.close(fd) }
            try files.reserve(fd, size)
        } catch {
            _ = try? files.remove(path)
            notice(
                AuditNotice(
                    level: .warning,
                    text: "no space could be kept back for the audit trail (\(error)); see emergency_size of [audit]"))
        }
    }
}
