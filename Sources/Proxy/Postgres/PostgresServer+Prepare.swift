import PostgresWire
import Sessions

/// `connect_query`: what is said to a new server before any client has it.
extension PostgresServer {
    /// `connect_query` is answered, or the question what it has set, or both.
    func prepared() {
        guard let session else { return }
        if let error = session.takeHiddenError() { return failedToPrepare("it fails with SQLSTATE \(error.sqlstate)") }
        if session.transaction != .idle { return failedToPrepare("it leaves a transaction open") }
        guard knowsSettings else {
            knowsSettings = true
            send(worker.environment.askForSettings(session))
            return
        }
        worker.environment.takeSettings(session)
        pool.global.noteConnectSettings(session.settings.entries)
        becomeOpen()
    }
}
