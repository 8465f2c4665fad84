import MySQLWire
import PostgresWire
import Sessions

/// Why a server did not let the proxy in, whatever it speaks.
struct LoginRefusal {
    /// For the log.
    let reason: String
    /// The server has no room, or is starting or stopping: later it may be different.
    let isTemporary: Bool
    /// The password is wrong or the user may not log in: trying again does not help.
    let isCredential: Bool
    /// The server's own error, if it answered with one.
    let answer: Refusal?

    init(_ failure: MySQLServerLoginFailure) {
        reason = "\(failure)"
        isTemporary = failure.isTemporary
        isCredential = failure.isCredential
        if case .refused(let error) = failure {
            answer = Refusal(
                .ofServer(sqlstate: error.sqlstate.isEmpty ? "HY000" : error.sqlstate, code: error.code), error.message)
        } else {
            answer = nil
        }
    }

    init(_ failure: ServerLoginFailure) {
        reason = "\(failure)"
        isTemporary = failure.isTemporary
        isCredential = failure.isCredential
        if case .refused(let error) = failure {
            answer = Refusal(.ofServer(sqlstate: error.sqlstate, code: 0), error.message)
        } else {
            answer = nil
        }
    }
}
