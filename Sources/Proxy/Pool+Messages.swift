import Pooling
import Settings

/// What clients are told about why there is no server for them.
extension Pool {
    /// What is in the way of a client that waits.
    var obstacle: String {
        if machine.isPaused { return "Database \"\(global.key.database)\" is paused." }
        if let lastFailure { return "The last attempt to connect: \(lastFailure.message)." }
        return "Pool \(name) has all its servers in use."
    }

    /// What to do about it.
    var advice: String {
        if machine.isPaused { return "RESUME on the console lets it go on." }
        if lastFailure != nil { return "Look at the server, and at the log of the pooler." }
        return "Look for long transactions, or raise default_pool_size or query_wait_timeout."
    }

    /// A server refused the login as the pool's user: in its words, with what they are about.
    func refusal(_ failure: LoginRefusal) -> Refusal {
        let place =
            "Look at server_user and server_password of [user.\(global.key.user)] in the pooler's configuration."
        guard let answer = failure.answer else {
            return Refusal(
                .noServer, "login to the server of database \"\(global.key.database)\" failed: \(failure.reason)",
                hint: place)
        }
        return Refusal(
            answer.reason, answer.message,
            detail:
                "This is the server's answer to the pooler's login as \"\(user.serverUser)\" to \"\(databaseName)\".",
            hint: failure.isCredential ? place : nil)
    }
}
