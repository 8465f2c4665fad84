import PostgresWire
import SQLText
import Settings

/// What is to be done before a statement that may LISTEN goes to the server.
enum ListenDecision {
    /// Nothing: it goes on.
    case pass
    /// The hub must hear these channels first.
    case wait([String])
    /// It is answered with this error.
    case refuse(PostgresError)
}

extension SessionEnvironment {
    /// LISTEN goes to the server the client has, so that it answers for syntax, permissions and aborted transactions;
    /// but what is notified after it must not be missed, so the hub listens before it goes.
    func decideListen(_ entry: StatementEntry, _ client: ClientSession, _ server: ServerSession) -> ListenDecision {
        guard client.mode != .session, server.transaction != .failed else { return .pass }
        var wanted: [String] = []
        for statement in entry.facts.statements {
            for case .listen(let channel) in statement.effects { wanted.append(ChannelName.canonical(channel)) }
        }
        // No name was found: the server says what is wrong.
        wanted.removeAll { $0.isEmpty }
        guard !wanted.isEmpty else { return .pass }
        switch client.policy {
        case .reject:
            return .refuse(
                PostgresError(
                    .error, "0A000", "LISTEN cannot be used through this pool",
                    detail: "The pool lends servers per transaction and session_state is \"reject\".",
                    hint: "Connect to a database with pool_mode = \"session\", or set session_state = \"auto\"."))
        case .pin:
            server.hasListened = true
            return .pass
        case .auto: break
        }
        let listening = client.more().channels()
        if let failure = listening.failure {
            listening.failure = nil
            return .refuse(failure)
        }
        let missing = wanted.filter { !listening.held.contains($0) }
        if missing.isEmpty {
            server.hasListened = true
            return .pass
        }
        guard listening.held.count + missing.count <= Listening.mostChannels else {
            return .refuse(
                PostgresError(
                    .error, "53400", "this connection listens to \(listening.held.count) channels",
                    detail: "It may listen to \(Listening.mostChannels)."))
        }
        return .wait(missing)
    }

    /// Enters what a LISTEN or UNLISTEN that completed will do when its transaction commits.
    func note(_ change: Listening.Change, _ client: ClientSession) {
        guard client.mode != .session else { return }
        switch change {
        case .listen(let channel): client.more().channels().add(.listen(ChannelName.canonical(channel)))
        case .unlisten(let channel): client.extra?.listening?.add(.unlisten(ChannelName.canonical(channel)))
        case .unlistenAll: client.extra?.listening?.add(.unlistenAll)
        }
    }
}

extension ServerSession {
    /// The session listens to what its client asked for and must stop before another client gets it; the question is
    /// asked once.
    public func takeHasListened() -> Bool {
        defer { hasListened = false }
        return hasListened
    }
}
