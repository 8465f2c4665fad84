import Telemetry

/// A value handed from one thread to another. The one place where a non-`Sendable` value crosses: it is made only from
/// a `sending` value and opened only once, by the receiver.
struct Transferred<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: sending Value) { self.value = value }
}

/// The one way into a loop from another thread: messages are queued, and the loop is woken when the queue was empty.
///
/// Created on the loop's thread, which also runs the handler. A message need not be `Sendable`: it is transferred, the
/// poster gives it up. Messages of one poster arrive in the order it posted them.
public final class Mailbox<Message>: WakeUpReceiver, @unchecked Sendable {
    // What makes the class safe to share: `inbox` is behind its lock, the watcher of `wakeUp` is signalled only under
    // that lock while it is open, and everything else is the loop thread's alone.
    private struct Inbox: Sendable {
        var messages: [Transferred<Message>] = []
        var isOpen = true
    }

    private let inbox = Guarded(Inbox())
    private let wakeUp: WakeUp
    private var handler: ((Message) -> Void)?
    private var spare: [Transferred<Message>] = []

    /// A mailbox of `loop`, whose thread calls this; `handler` is called there with each message. The loop keeps the
    /// mailbox (and so the handler) until `close()`.
    public init(loop: Loop, handler: @escaping (Message) -> Void) {
        self.handler = handler
        wakeUp = WakeUp(loop: loop)
        wakeUp.start(self)
    }

    /// Queues a message, from any thread. False if the mailbox is closed: the message is destroyed, so a message that
    /// owns a descriptor must close it in its deinit.
    @discardableResult
    public func post(_ message: sending Message) -> Bool {
        let transferred = Transferred(message)
        return inbox.withLock { inbox in
            guard inbox.isOpen else { return false }
            inbox.messages.append(transferred)
            if inbox.messages.count == 1 { wakeUp.signal() }
            return true
        }
    }

    /// Stops taking messages, on the loop's thread; returns those not yet handled. Breaks the loop's hold on it.
    @discardableResult
    public func close() -> [Message] {
        let rest = inbox.withLock { inbox in
            inbox.isOpen = false
            let rest = inbox.messages
            inbox.messages = []
            return rest
        }
        handler = nil
        wakeUp.stop()
        return rest.map(\.value)
    }

    /// Handles what is queued now without waiting for the loop to come round. On the loop's thread.
    public func drain() {
        var batch: [Transferred<Message>] = []
        swap(&batch, &spare)
        inbox.withLock { swap(&batch, &$0.messages) }
        // What the handler posts to its own mailbox comes next turn: other watchers get their share in between.
        for message in batch { handler?(message.value) }
        guard batch.capacity <= 1024 else { return }
        batch.removeAll(keepingCapacity: true)
        swap(&batch, &spare)
    }

    func wokenUp() { drain() }

    func loopIsGoing() { close() }
}
