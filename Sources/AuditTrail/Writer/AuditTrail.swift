import Synchronization

/// The audit trail of the process: rings of its producers, and the writer that empties them.
///
/// Any thread. Made when auditing is enabled; where it is nil, nothing is recorded and nothing costs anything.
public final class AuditTrail: Sendable {
    private struct Rings {
        var all: [AuditRing] = []
        var next = 0
    }

    private let rings = Mutex(Rings())
    let bell: AuditBell

    /// A trail nobody writes yet. nil if the system has no descriptor to give.
    init?() {
        guard let bell = AuditBell() else { return nil }
        self.bell = bell
    }

    /// A place for the calling thread to put records: one for each worker, and one for the control thread. `onDurable` is
    /// called on the writer's thread, after each commit while a strict record of this producer waits, and when there is
    /// room again after `hasRoom` was false; it posts to the owner's mailbox and does nothing else.
    public func makeProducer(
        ringSize: Int = 4 << 20, onDurable: @escaping @Sendable () -> Void
    ) -> AuditProducer {
        let ring = rings.withLock { rings in
            let ring = AuditRing(
                index: UInt8(truncatingIfNeeded: rings.next), capacity: ringSize, onDurable: onDurable)
            rings.next += 1
            rings.all.append(ring)
            return ring
        }
        return AuditProducer(ring: ring, bell: bell)
    }

    /// The rings there are now.
    func ringsNow() -> [AuditRing] { rings.withLock { $0.all } }

    /// A producer has gone and its ring is empty.
    func forget(_ ring: AuditRing) { rings.withLock { $0.all.removeAll { $0 === ring } } }
}
