import ByteKit
import Glibc
public import Settings
import Synchronization

/// Where one thread puts its records. Made by `AuditTrail.makeProducer`; belongs to the thread that made it.
///
/// Sessions, shapes and backends are defined once under small numbers of the caller's choice (slots) and rendered here;
/// a statement's record then is a copy of some 200 bytes. A definition replaces what its slot held before, for the
/// records after it. Nothing here waits, and nothing here fails without being counted.
public final class AuditProducer {
    let ring: AuditRing
    private let bell: AuditBell
    private var head: UInt64 = 0
    private var knownTail: UInt64 = 0
    private var rungFor: UInt64 = 0
    private var strictSince: UInt64 = 0
    /// Definitions there was no room for, by type and slot; nothing else goes in before them.
    private var waiting: [UInt64: [UInt8]] = [:]
    private var waitingOrder: [UInt64] = []

    init(ring: AuditRing, bell: AuditBell) {
        self.ring = ring
        self.bell = bell
    }

    deinit {
        ring.isClosed.store(true, ordering: .releasing)
        bell.ring()
    }

    /// The number of the producer: the top byte of `AuditStatement.id`.
    public var index: UInt8 { ring.index }

    // MARK: Definitions

    /// Who a session is.
    public func define(session slot: UInt32, _ info: AuditSession) {
        let payload = SessionPiece.render(info).finish(slot: slot)
        define(
            .session, slot, fits(payload) ? payload : SessionPiece.render(info.shortened(to: 512)).finish(slot: slot))
    }

    /// A session's slot may be used again.
    public func end(session slot: UInt32) { define(.endSession, slot, FragmentWriter().finish(slot: slot)) }

    /// What a statement is.
    public func define(shape slot: UInt32, _ shape: AuditShape) {
        let payload = ShapePiece.render(shape).finish(slot: slot)
        // Escaping makes a text up to six times as long.
        define(
            .shape, slot,
            fits(payload) ? payload : ShapePiece.render(shape.shortened(to: ring.longest / 16)).finish(slot: slot))
    }

    /// Where statements go.
    public func define(backend slot: UInt32, _ backend: AuditBackend) {
        define(.backend, slot, BackendPiece.render(backend).finish(slot: slot))
    }

    /// A definition that never fits would hold up everything behind it.
    private func fits(_ payload: [UInt8]) -> Bool { Self.padded(FrameHead.size &+ payload.count) <= ring.longest }

    private func define(_ type: FrameType, _ slot: UInt32, _ payload: [UInt8]) {
        if flushWaiting(), put(type, payload) { return }
        let key = UInt64(type == .endSession ? FrameType.session.rawValue : type.rawValue) << 32 | UInt64(slot)
        if waiting.updateValue([type.rawValue] + payload, forKey: key) == nil { waitingOrder.append(key) }
    }

    /// Whether no definition waits any more.
    @inline(__always)
    private func flushWaiting() -> Bool { waitingOrder.isEmpty || flushWaitingNow() }

    @inline(never)
    private func flushWaitingNow() -> Bool {
        var done = 0
        for key in waitingOrder {
            guard let payload = waiting[key], let type = FrameType(rawValue: payload[0]),
                put(type, [UInt8](payload.dropFirst()))
            else { break }
            waiting[key] = nil
            done += 1
        }
        waitingOrder.removeFirst(done)
        return waitingOrder.isEmpty
    }

    private func put(_ type: FrameType, _ payload: [UInt8], _ mode: AuditMode = .buffered) -> Bool {
        let length = Self.padded(FrameHead.size &+ payload.count)
        guard length <= ring.longest else { return false }
        return unsafe ring.put(&head, knownTail: &knownTail, length: length, FrameHead(length: length, type, mode)) {
            room in
            unsafe room.copyBytes(from: payload)
        }
    }

    private static func padded(_ length: Int) -> Int { (length &+ 7) & ~7 }

    // MARK: Records

    /// Whether a new statement may begin: the ring is at most three quarters full. Where it is not, the caller holds the
    /// statement back and hears from `onDurable`.
    public var hasRoom: Bool {
        let limit = UInt64(ring.capacity) &* 3 / 4
        if head &- knownTail <= limit { return true }
        knownTail = ring.tail.load(ordering: .acquiring)
        if head &- knownTail <= limit { return true }
        ring.wantsRoom.store(true, ordering: .sequentiallyConsistent)
        // The writer may have made room before it could see the wish.
        knownTail = ring.tail.load(ordering: .sequentiallyConsistent)
        return head &- knownTail <= limit
    }

    /// Records a statement. `error` is the message of the server or proxy, redacted already (the first 4 KiB are kept);
    /// `parameters` is what `AuditParameters` made, or empty.
    ///
    /// nil: there was no room, and the loss has been counted. A relaxed record leaves the last quarter to others.
    public func record(
        _ statement: borrowing AuditStatement, error: RawSpan, parameters: RawSpan
    ) -> AuditTicket? {
        let mode = statement.mode
        let errorCount = min(error.byteCount, Self.longestError)
        // What does not fit is not recorded in part: the record says that there was something.
        let parametersCount =
            parameters.byteCount <= Self.longestParameters(in: ring.longest) ? parameters.byteCount : 0
        let size = MemoryLayout<AuditStatement>.stride
        let length = Self.padded(FrameHead.size &+ size &+ 8 &+ errorCount &+ parametersCount)
        guard flushWaiting(), mode != .relaxed || hasRoomForRelaxed else { return lose(statement.statementClass) }
        var copy = copy statement
        let isIn = unsafe ring.put(
            &head, knownTail: &knownTail, length: length, FrameHead(length: length, .statement, mode)
        ) { room in
            guard let to = room.baseAddress else { return }
            unsafe withUnsafeBytes(of: &copy) {
                unsafe to.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
            }
            unsafe to.storeBytes(of: UInt32(truncatingIfNeeded: errorCount), toByteOffset: size, as: UInt32.self)
            unsafe to.storeBytes(
                of: UInt32(truncatingIfNeeded: parametersCount), toByteOffset: size &+ 4, as: UInt32.self)
            unsafe error.withUnsafeBytes {
                if let from = $0.baseAddress { unsafe memcpy(to + size + 8, from, errorCount) }
            }
            unsafe parameters.withUnsafeBytes {
                if let from = $0.baseAddress { unsafe memcpy(to + size + 8 + errorCount, from, parametersCount) }
            }
        }
        guard isIn else { return lose(statement.statementClass) }
        return ticket(mode)
    }

    /// Records anything else.
    public func record(_ event: borrowing AuditEvent) -> AuditTicket? {
        let payload = EventPayload.render(copy event)
        guard flushWaiting(), event.mode != .relaxed || hasRoomForRelaxed, put(.event, payload, event.mode) else {
            return lose(nil)
        }
        return ticket(event.mode)
    }

    static let longestError = 4096
    private static func longestParameters(in longest: Int) -> Int { longest &- 8192 }

    private var hasRoomForRelaxed: Bool { head &- ring.tail.load(ordering: .relaxed) <= UInt64(ring.capacity) &* 3 / 4 }

    @inline(__always)
    private func ticket(_ mode: AuditMode) -> AuditTicket {
        if mode == .strict {
            strictSince = head
            ring.strict.store(head, ordering: .sequentiallyConsistent)
        }
        return AuditTicket(position: head)
    }

    @inline(never)
    private func lose(_ statementClass: StatementClass?) -> AuditTicket? {
        ring.lost.add(statementClass.map { Int($0.rawValue) } ?? LossCounts.events)
        if ring.lostSince.load(ordering: .relaxed) == 0 {
            ring.lostSince.store(UnixTime.now(), ordering: .relaxed)
        }
        return nil
    }

    // MARK: The writer

    /// Everything up to this ticket is on disk.
    public var durable: AuditTicket { AuditTicket(position: ring.durable.load(ordering: .acquiring)) }

    /// To be called once a turn of the loop: wakes the writer where it sleeps and there is something for it, or where a
    /// strict record waits.
    public func endOfTurn() {
        guard head != rungFor || !waitingOrder.isEmpty else { return }
        if !waitingOrder.isEmpty { _ = flushWaitingNow() }
        let isUrgent = strictSince > rungFor
        rungFor = head
        bell.published(isUrgent: isUrgent)
    }

    /// Why strict statements cannot be recorded now; nil: they can. One relaxed load.
    public var refusal: AuditRefusal? { AuditRefusal(rawValue: ring.strictRefusal.load(ordering: .relaxed)) }

    /// Why a new statement of this mode must be refused; nil: it need not.
    public func refusal(for mode: AuditMode) -> AuditRefusal? {
        switch mode {
        case .relaxed: nil
        case .buffered: AuditRefusal(rawValue: ring.bufferedRefusal.load(ordering: .relaxed))
        case .strict: refusal
        }
    }
}
