import ByteKit
import Credentials
import Settings
import Synchronization

/// Empties the rings into the files: encodes, chains, writes and syncs a batch at a time. One thread's.
///
/// What is in the batch is chained behind `committed`, the last record that is in a file. Where a batch cannot be
/// written, the file is cut back to what was good, and the batch is kept and chained again behind whatever comes before it
/// in the next file: no record is lost by a failed write, and none is there twice.
final class AuditWriter {
    let trail: AuditTrail
    let status: AuditStatus
    let files: FileSystem
    let notice: @Sendable (AuditNotice) -> Void
    var options: AuditOptions
    let stream: String
    let bootID: String
    var key: SigningKey
    /// The key before, as long as it has not handed over to `key`.
    var previousKey: SigningKey?

    var encoder: LineEncoder
    var tables: [UInt8: ProducerTables] = [:]
    var batch = Batch()
    /// Behind the last record in a file.
    var committed: ChainState
    /// Behind the last record of the batch.
    var state: ChainState
    var segment: Segment?
    var health = Health.well
    /// Somebody has asked for another file.
    var isRotationDue = false
    var rung = DiskRung.ample
    var lastCheckpoint: UInt64
    var checkpointAt: UInt64 = 0
    var heartbeatAt: UInt64 = 0
    var syncedAt: UInt64 = 0
    var spaceAt: UInt64 = 0
    var retainAt: UInt64 = 0
    /// Records dropped here, by class as `LossCounts` has them, and since when (Unix nanoseconds).
    var dropped = [UInt64](repeating: 0, count: LossCounts.count)
    var droppedSince: UInt64 = 0
    var lastClean: UInt64
    /// Nanoseconds since 1970; tests set it.
    var wall: () -> UInt64 = { UnixTime.now() }
    /// Where each ring was taken up to for this batch: durable when the batch is.
    var takenUpTo: [(ring: AuditRing, position: UInt64)] = []

    enum Health: Equatable {
        case well
        /// Records cannot be written; since when, and when it was last tried again (monotonic nanoseconds).
        case ill(AuditRefusal, since: UInt64, triedAt: UInt64)
    }

    init(
        _ trail: AuditTrail, options: AuditOptions, files: FileSystem, recovered: Recovered, key: SigningKey,
        previousKey: SigningKey?, notice: @escaping @Sendable (AuditNotice) -> Void
    ) {
        self.trail = trail
        status = trail.status
        self.files = files
        self.options = options
        self.notice = notice
        self.key = key
        self.previousKey = previousKey
        let boot = String(decoding: Hex.encode(randomBytes(4)), as: UTF8.self)
        bootID = boot
        stream = recovered.stream ?? options.node + "/" + boot
        encoder = LineEncoder(stream: stream, bootID: boot)
        committed = recovered.state
        state = recovered.state
        lastCheckpoint = recovered.state.sequence
        lastClean = recovered.state.sequence
        status.key.withLock { $0 = key.publicKey.id }
        status.sequence.store(state.sequence, ordering: .relaxed)
        status.durable.store(state.sequence, ordering: .relaxed)
    }

    /// A batch is written when it has grown so far.
    static let batchBytes = 1 << 20

    // MARK: Turns

    /// One turn: takes what there is, and commits it. Answers how deep to sleep, and for how long.
    func turn() -> (sleep: AuditBell.Sleep, milliseconds: Int) {
        let now = UnixTime.monotonic()
        if trail.takeRotation() { isRotationDue = true }
        if case .ill(_, _, let triedAt) = health, elapsed(now, triedAt) >= 1_000_000_000 { recover(now) }
        look(at: now)
        guard health == .well else { return turnWhileIll(now) }
        reportLosses()
        let more = drain()
        if state.sequence > lastCheckpoint, elapsed(now, checkpointAt) >= AuditOptions.checkpointInterval {
            checkpoint()
        }
        if elapsed(now, heartbeatAt) >= UInt64(max(options.settings.heartbeatInterval.microseconds, 1_000_000)) &* 1000
        {
            heartbeat(now)
        }
        commit(now)
        if health == .well { rotateIfDue(now) }
        if previousKey != nil { handedOver() }
        retain(now)
        if more { return (.awake, 0) }
        if hasFrames() { return (.gathering, options.commitMilliseconds) }
        let hasMore = state.sequence > lastCheckpoint || segment?.synced != segment?.size
        return (.idle, hasMore ? 200 : 1000)
    }

    func hasFrames() -> Bool { trail.ringsNow().contains { $0.fill > 0 } }

    /// Whether a strict record waits, and it is of any use not to sleep.
    var isUrgent: Bool {
        health == .well
            && trail.ringsNow().contains { $0.strict.load(ordering: .relaxed) > $0.durable.load(ordering: .relaxed) }
    }

    /// Takes frames of all rings in turn into the batch; true if the batch was full before the rings were empty.
    func drain() -> Bool {
        let now = UnixTime.now()
        var isFull = false
        for ring in trail.ringsNow() {
            let tables = tables(of: ring)
            let sheds = rung >= .critical
            let position = unsafe ring.take { head, payload in
                if batch.lines.count >= Self.batchBytes {
                    isFull = true
                    return false
                }
                if sheds, head.mode == .relaxed, unsafe drop(head, payload) {
                    status.shed.add(1, ordering: .relaxed)
                    return true
                }
                unsafe encode(head, payload, tables, now)
                return true
            }
            note(ring, position)
            if ring.isClosed.load(ordering: .acquiring), ring.fill == 0 { forget(ring) }
        }
        return isFull
    }

    @inline(__always)
    private func encode(_ head: FrameHead, _ payload: UnsafeRawBufferPointer, _ tables: ProducerTables, _ now: UInt64) {
        guard unsafe encoder.encode(head, payload, tables, now: now, into: &batch, &state) else { return }
        if state.sequence &- lastCheckpoint >= AuditOptions.checkpointRecords { checkpoint() }
    }

    /// A ring was taken up to here for this batch.
    func note(_ ring: AuditRing, _ position: UInt64) {
        if let index = takenUpTo.firstIndex(where: { $0.ring === ring }) {
            takenUpTo[index].position = position
        } else {
            takenUpTo.append((ring, position))
        }
    }

    func tables(of ring: AuditRing) -> ProducerTables {
        if let known = tables[ring.index] { return known }
        let made = ProducerTables()
        tables[ring.index] = made
        return made
    }

    private func forget(_ ring: AuditRing) {
        trail.forget(ring)
        tables[ring.index] = nil
    }

    /// Counts a record instead of taking it; false for what is none.
    func drop(_ head: FrameHead, _ payload: UnsafeRawBufferPointer) -> Bool {
        let index: Int
        switch head.type {
        case .statement:
            let offset = MemoryLayout<AuditStatement>.offset(of: \.statementClass) ?? 0
            guard offset < payload.count else { return false }
            index = Int(unsafe payload[offset])
        case .event: index = LossCounts.events
        case .skip, .session, .endSession, .shape, .backend, nil: return false
        }
        dropped[min(index, LossCounts.events)] &+= 1
        if droppedSince == 0 { droppedSince = UnixTime.now() }
        return true
    }

    // MARK: Commit

    /// Writes the batch, and syncs it where somebody waits for that; the file is as before if anything fails.
    func commit(_ now: UInt64) {
        guard !batch.isEmpty else {
            if let segment, segment.synced < segment.size, elapsed(now, syncedAt) >= 1_000_000_000 { sync(now) }
            if segment?.synced == segment?.size { publish() }
            return
        }
        if status.waitingSince.load(ordering: .relaxed) == 0 { status.waitingSince.store(now, ordering: .relaxed) }
        do throws(FileError) {
            if segment == nil { try openSegment(.ordinary) }
            try write(now)
        } catch { fail(error, now) }
    }

    /// Writes the batch to the segment there is.
    func write(_ now: UInt64) throws(FileError) {
        guard var segment else { return }
        var failure: FileError?
        let count = batch.lines.count
        unsafe batch.lines.withBytes(0, count) { bytes in
            do throws(FileError) { try unsafe files.write(segment.fd, bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        if batch.mustSync || elapsed(now, syncedAt) >= 1_000_000_000 {
            try files.sync(segment.fd)
            syncedAt = now
            segment.size &+= Int64(count)
            segment.synced = segment.size
        } else {
            segment.size &+= Int64(count)
        }
        self.segment = segment
        committed = state
        status.records.add(UInt64(batch.count), ordering: .relaxed)
        status.bytes.add(UInt64(count), ordering: .relaxed)
        status.commits.add(1, ordering: .relaxed)
        let took = UnixTime.monotonic() &- now
        status.commitNanoseconds.add(took, ordering: .relaxed)
        status.sequence.store(committed.sequence, ordering: .relaxed)
        status.segmentBytes.store(UInt64(segment.size), ordering: .relaxed)
        status.segmentDurable.store(UInt64(segment.synced), ordering: .releasing)
        batch.reset()
        if segment.synced == segment.size { publish() }
    }

    /// Syncs what relaxed records have left in the page cache.
    private func sync(_ now: UInt64) {
        guard var segment else { return }
        do throws(FileError) {
            try files.sync(segment.fd)
            segment.synced = segment.size
            self.segment = segment
            status.segmentDurable.store(UInt64(segment.synced), ordering: .releasing)
            syncedAt = now
        } catch { fail(error, now) }
    }

    /// Everything taken is on disk: tells the producers.
    func publish() {
        status.durable.store(committed.sequence, ordering: .relaxed)
        status.waitingSince.store(0, ordering: .relaxed)
        for (ring, position) in takenUpTo {
            let before = ring.durable.load(ordering: .relaxed)
            let waited = ring.strict.load(ordering: .sequentiallyConsistent) > before
            if position > before { ring.durable.store(position, ordering: .sequentiallyConsistent) }
            var tells = waited && position > before
            if ring.wantsRoom.load(ordering: .sequentiallyConsistent), ring.fill < ring.capacity / 2 {
                ring.wantsRoom.store(false, ordering: .sequentiallyConsistent)
                tells = true
            }
            if tells { ring.onDurable() }
        }
        takenUpTo.removeAll(keepingCapacity: true)
    }

    // MARK: Own records

    /// Puts a record of the trail's own into the batch.
    func note(_ event: AuditEvent) {
        let payload = EventPayload.render(event)
        let start = batch.lines.count
        let marks = unsafe payload.withUnsafeBytes {
            unsafe encoder.event($0, now: wall(), nil, into: &batch.lines)
        }
        guard let marks else { return }
        batch.finish(start, marks, &state)
        if event.mode != .relaxed { batch.mustSync = true }
    }

    /// Signs what there is so far.
    func checkpoint() {
        guard state.sequence > 0 else { return }
        let before = state
        note(checkpointEvent(before))
        batch.markCheckpoint()
        lastCheckpoint = state.sequence
        checkpointAt = UnixTime.monotonic()
        status.checkpoint.store(before.sequence, ordering: .relaxed)
    }

    func checkpointEvent(_ at: ChainState) -> AuditEvent {
        let milliseconds = wall() / 1_000_000
        let keyID = key.publicKey.id
        let text = CheckpointNote.text(
            stream: stream, size: at.sequence, root: at.hash, milliseconds: milliseconds, keyID: keyID)
        let signature = key.sign(text) ?? []
        return AuditEvent(
            .auditCheckpoint,
            [
                AuditField("headgate.checkpoint.size", .unsigned(at.sequence)),
                AuditField("headgate.checkpoint.root", .text(base64(at.hash.bytes))),
                AuditField("headgate.checkpoint.time", .unsigned(milliseconds)),
                AuditField("headgate.checkpoint.key_id", .text(keyID)),
                AuditField("headgate.checkpoint.signature", .text(base64(signature))),
            ])
    }

    func base64(_ bytes: [UInt8]) -> String { String(decoding: Base64.encode(bytes), as: UTF8.self) }

    private func heartbeat(_ now: UInt64) {
        defer { heartbeatAt = now }
        guard heartbeatAt != 0 else { return }
        let values = status.values
        note(
            AuditEvent(
                .auditHeartbeat,
                [
                    AuditField("headgate.counters.records", .unsigned(values.records)),
                    AuditField("headgate.counters.bytes", .unsigned(values.bytes)),
                    AuditField("headgate.counters.commits", .unsigned(values.commits)),
                    AuditField("headgate.counters.gaps", .unsigned(values.gaps)),
                    AuditField("headgate.counters.lost", .unsigned(values.lost)),
                    AuditField("headgate.disk.free", .number(values.free)),
                ]))
    }

    /// Makes gaps of what was lost.
    func reportLosses(during trouble: AuditRefusal? = nil) {
        var counts = dropped
        var since = droppedSince
        for ring in trail.ringsNow() where ring.lostSince.load(ordering: .relaxed) != 0 {
            let started = ring.lostSince.exchange(0, ordering: .relaxed)
            since = since == 0 ? started : min(since, started)
            for (index, count) in ring.lost.take().enumerated() { counts[index] &+= count }
        }
        let total = counts.reduce(0, &+)
        guard total > 0 else {
            lastClean = state.sequence
            return
        }
        let cause = trouble.map { "\($0)" } ?? (droppedSince != 0 ? "space_left" : "overflow")
        dropped = [UInt64](repeating: 0, count: LossCounts.count)
        droppedSince = 0
        gap(counts, total, since: since, cause: cause)
    }

    func gap(_ counts: [UInt64], _ total: UInt64, since: UInt64, cause: String) {
        var byClass: [AuditField] = []
        for (index, count) in counts.enumerated() where count > 0 {
            let name =
                index < StatementClass.allCases.count
                ? "\(StatementClass.allCases[index].name)" : index == LossCounts.events ? "events" : "other"
            byClass.append(AuditField(name, .unsigned(count)))
        }
        let now = UnixTime.now()
        status.gaps.add(1, ordering: .relaxed)
        status.lost.add(total, ordering: .relaxed)
        note(
            AuditEvent(
                .auditGap,
                [
                    AuditField("headgate.gap.after_seq", .unsigned(lastClean)),
                    AuditField("headgate.gap.before_seq", .unsigned(state.sequence &+ 1)),
                    AuditField("headgate.gap.count", .unsigned(total)),
                    AuditField("headgate.gap.by_class", .object(byClass)),
                    AuditField("headgate.gap.cause", .text(cause)),
                    AuditField("headgate.gap.duration_ms", .unsigned(now > since ? (now &- since) / 1_000_000 : 0)),
                ]))
        lastClean = state.sequence
        notice(
            AuditNotice(
                level: .error,
                text: "\(total) audit records were lost (\(cause)); an audit.gap record says so; see SHOW AUDIT"))
    }
}
