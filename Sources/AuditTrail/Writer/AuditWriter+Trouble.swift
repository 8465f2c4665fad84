import Settings
import Synchronization

/// What happens when the disk does not take records.
extension AuditWriter {
    /// A write or sync failed. The file is cut back to what was good; the batch is kept.
    func fail(_ error: FileError, _ now: UInt64) {
        let refusal = error.refusal
        let old = segment
        if let old {
            // Whatever a failed sync leaves in the page cache may never reach the disk: this file is not written again.
            try? files.truncate(old.fd, to: old.size)
        }
        state = committed
        notice(AuditNotice(level: .error, text: "\(error); \(refusal.message). \(refusal.hint)"))
        switch refusal {
        case .diskFull:
            if old?.isEmergency != true, tryAgain(.emergency, now) { return degrade(refusal, error, now) }
        case .ioError:
            switch options.settings.onIOError {
            case .exit:
                trail.fatal("\(error); on_io_error of [audit] is exit")
            case .rotate:
                if tryAgain(.afterFailure(old?.path ?? ""), now) { return }
            case .deny: break
            }
        case .readOnly, .overflow, .stopped: break
        }
        close()
        degrade(refusal, error, now)
    }

    /// The batch, in a new file; false if that failed too.
    private func tryAgain(_ kind: SegmentKind, _ now: UInt64) -> Bool {
        do throws(FileError) {
            try openSegment(kind)
            batch.mustSync = true
            try write(now)
            return true
        } catch {
            state = committed
            if let segment {
                try? files.truncate(segment.fd, to: segment.size)
                if segment.size == 0, !segment.isEmergency { try? files.remove(segment.path) }
            }
            close()
            return false
        }
    }

    private func degrade(_ refusal: AuditRefusal, _ error: FileError, _ now: UInt64) {
        if case .ill(_, let since, _) = health {
            health = .ill(refusal, since: since, triedAt: now)
        } else {
            health = .ill(refusal, since: now, triedAt: now)
            rung = refusal == .diskFull ? .full : rung
            status.rung.store(rung.rawValue, ordering: .relaxed)
            if segment?.isEmergency == true {
                note(
                    AuditEvent(
                        .auditDegraded, mode: .strict,
                        [
                            AuditField("headgate.degraded.cause", .text("\(refusal)")),
                            AuditField("error.message", .text("\(error)")),
                        ]))
                commitEmergency(now)
            }
        }
        refuse(now)
    }

    /// Tells the producers what is refused.
    func refuse(_ now: UInt64) {
        var strict: UInt8 = 0
        var buffered: UInt8 = 0
        if case .ill(let refusal, let since, _) = health {
            strict = refusal.rawValue
            let mostWait = UInt64(clamping: options.settings.maxBlock.microseconds) &* 1000
            switch options.settings.onOverflow {
            case .drop: break
            case .deny: buffered = refusal.rawValue
            case .block: if elapsed(now, since) >= mostWait { buffered = refusal.rawValue }
            }
        }
        status.refusal.store(strict, ordering: .relaxed)
        for ring in trail.ringsNow() {
            let before = ring.strictRefusal.exchange(strict, ordering: .relaxed)
            let alsoBefore = ring.bufferedRefusal.exchange(buffered, ordering: .relaxed)
            // Whoever waits for a commit must hear that there will be none for now, or that there is one again.
            if before != strict || alsoBefore != buffered { ring.onDurable() }
        }
    }

    /// Once a second: whether records can be written again.
    func recover(_ now: UInt64) {
        guard case .ill(let refusal, let since, _) = health else { return }
        health = .ill(refusal, since: since, triedAt: now)
        if refusal == .diskFull {
            // Not before there is room for more than the next batch.
            let enough = Int64(batch.lines.count) &+ 4 << 20
            guard let free = try? files.space(directory), free >= max(enough, limits.critical) else { return }
        }
        let kept = segment?.isEmergency == true
        if kept { commitEmergency(now) }
        state = committed
        guard tryAgain(.ordinary, now) else { return }
        health = .well
        rung = .ample
        status.rung.store(0, ordering: .relaxed)
        note(
            AuditEvent(
                .auditRestored, mode: .strict,
                [
                    AuditField("headgate.degraded.cause", .text("\(refusal)")),
                    AuditField("headgate.degraded.duration_ms", .unsigned((now &- since) / 1_000_000)),
                ]))
        reportLosses(during: refusal)
        commit(now)
        guard health == .well else { return }
        publish()
        refuse(now)
        reserveEmergency()
        notice(AuditNotice(level: .info, text: "audit records are written again"))
    }

    /// While nothing ordinary can be written: what the trail itself and the control thread say goes to the emergency
    /// segment, the rest stays in the rings, or is dropped where the configuration says so.
    func turnWhileIll(_ now: UInt64) -> (sleep: AuditBell.Sleep, milliseconds: Int) {
        refuse(now)
        let canWrite =
            segment?.isEmergency == true && (segment?.size ?? 0) < Int64(options.settings.emergencySize.bytes)
        let drops = options.settings.onOverflow == .drop
        let wall = UnixTime.now()
        for ring in trail.ringsNow() {
            let tables = tables(of: ring)
            let position = unsafe ring.take { head, payload in
                switch head.type {
                case .session, .endSession, .shape, .backend:
                    if let type = head.type { _ = unsafe tables.apply(type, payload) }
                    return true
                case .event:
                    if canWrite, payload.count > 0, let kind = AuditEventKind(rawValue: unsafe payload[0]),
                        kind.mayUseEmergencySpace
                    {
                        _ = unsafe encoder.encode(head, payload, tables, now: wall, into: &batch, &state)
                        return true
                    }
                    return unsafe drops && head.mode != .strict && drop(head, payload)
                case .statement: return unsafe drops && head.mode != .strict && drop(head, payload)
                case .skip, nil: return true
                }
            }
            note(ring, position)
        }
        if canWrite { commitEmergency(now) }
        if takenUpTo.contains(where: { $0.ring.wantsRoom.load(ordering: .relaxed) }), drops { publishRoom() }
        return (.gathering, 200)
    }

    /// Dropping makes room.
    private func publishRoom() {
        for ring in trail.ringsNow() where ring.wantsRoom.load(ordering: .relaxed) && ring.fill < ring.capacity / 2 {
            ring.wantsRoom.store(false, ordering: .sequentiallyConsistent)
            ring.onDurable()
        }
    }

    /// The batch, into the emergency segment. What does not go in stays for the next file.
    private func commitEmergency(_ now: UInt64) {
        guard segment?.isEmergency == true, !batch.isEmpty else { return }
        if state.sequence > lastCheckpoint { checkpoint() }
        batch.mustSync = true
        do throws(FileError) {
            try write(now)
        } catch {
            state = committed
            if let segment { try? files.truncate(segment.fd, to: segment.size) }
            close()
        }
    }

    // MARK: Space

    var limits: (low: Int64, critical: Int64) {
        (Int64(options.settings.spaceLeft.bytes), Int64(options.settings.adminSpaceLeft.bytes))
    }

    /// Once a second: how much room the disk has.
    func look(at now: UInt64) {
        guard spaceAt == 0 || elapsed(now, spaceAt) >= 1_000_000_000 else { return }
        spaceAt = now
        takeReads()
        if let renewed = trail.takeOptions() { adopt(renewed) }
        guard let free = try? files.space(directory) else { return }
        status.free.store(free, ordering: .relaxed)
        guard health == .well else { return }
        let next = rung.next(free: free, low: limits.low, critical: limits.critical)
        guard next != rung else { return }
        let kind: AuditEventKind = next > rung ? .auditDegraded : .auditRestored
        rung = next
        status.rung.store(next.rawValue, ordering: .relaxed)
        note(
            AuditEvent(
                kind, mode: .strict,
                [
                    AuditField("headgate.degraded.cause", .text("\(next.name)")),
                    AuditField("headgate.disk.free", .number(free)),
                ]))
        notice(
            AuditNotice(
                level: next == .ample ? .info : next == .low ? .warning : .error,
                text: "the disk of the audit directory has \(free / 1_048_576) MiB left"
                    + (next == .critical ? "; relaxed records are dropped and counted" : "")))
    }
}
