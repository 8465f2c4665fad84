import ByteKit
import EventLoop
import PostgresWire
import Sessions
import Telemetry

/// LISTEN and NOTIFY of a client whose servers are lent per transaction.
extension PostgresClient {
    /// Asks the hub to listen to `channels`; true if it does already.
    func awaitChannels(_ channels: [String]) -> Bool {
        guard let session, let pool else { return false }
        channelsAwaited = 0
        for channel in Set(channels) {
            if worker.desk.subscribe(self, channel, pool) {
                session.channelIsReady(channel)
            } else {
                channelsAwaited += 1
            }
        }
        return channelsAwaited == 0
    }

    /// The hub listens to one more of the channels asked for.
    func channelIsReady(_ channel: String) {
        session?.channelIsReady(channel)
        guard channelsAwaited > 0 else { return }
        channelsAwaited -= 1
        if channelsAwaited == 0 { answerChannels() }
    }

    /// The hub cannot listen: the statement in front is answered with an error.
    func channelsFailed(_ error: PostgresError) {
        session?.channelsFailed(error)
        channelsAwaited = 0
        answerChannels()
    }

    private func answerChannels() {
        if let database = pool?.global.key.database { worker.desk.stopWaiting(slot, database) }
        if phase == .idle || phase == .active { resume() }
    }

    /// Something was notified on a channel the hub hears for it.
    func notified(_ notice: Notice) {
        guard let session, phase != .closed else { return }
        let serverSession = server?.session
        guard session.notified(notice.channel, notice.message, having: serverSession) else {
            let error = PostgresError(
                .fatal, "53400", "notifications are not read fast enough",
                detail: "More than 1 MiB of notifications wait for this client.",
                hint: "Read notifications as they come, or listen to fewer channels.")
            if session.isMidMessage(having: serverSession) { close(error.message) } else { fail(error) }
            return
        }
        deliverNotifications()
    }

    /// Sends the notifications that wait, if this is a moment for them.
    func deliverNotifications() {
        switch phase {
        case .idle, .waiting, .active: break
        case .header, .login, .welcome, .console, .replication, .closed: return
        }
        guard let session, session.hasNotifications, output.count <= Self.highWater else { return }
        let waiting = session.takeNotifications(having: server?.session)
        if waiting.isEmpty { return }
        if phase == .idle { lastActive = worker.loop.nowMicros }
        send(waiting)
    }

    /// Nothing is owed and no transaction is open: what is no longer listened to is given up.
    func settleChannels() {
        guard let session, let pool else { return }
        if channelsAwaited == 0 {
            for channel in session.takeReleasedChannels() {
                worker.desk.unsubscribe(slot, pool.global.key.database, channel)
            }
        }
        deliverNotifications()
    }

    /// The client is gone, and with it what it listened to.
    func forgetChannels() {
        guard let session, let pool, session.isListening || channelsAwaited > 0 else { return }
        let database = pool.global.key.database
        worker.desk.stopWaiting(slot, database)
        for channel in session.heldChannels { worker.desk.unsubscribe(slot, database, channel) }
        channelsAwaited = 0
    }
}
