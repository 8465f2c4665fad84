import PostgresWire
import Proxy

/// How `SHUTDOWN` and the signals end the process.
public enum ShutdownMode: Sendable, Equatable {
    /// At once.
    case immediate
    /// When all servers have been given back.
    case waitForServers
    /// When all clients have left of themselves.
    case waitForClients
    /// When the clients' transactions have ended; clients without one are told to go (SIGTERM).
    case finishTransactions
}

/// What a statement on the console asks for.
enum Command: Sendable, Equatable {
    /// A table.
    case show(String)
    /// What a driver asks a PostgreSQL server: answered with one row made up here.
    case answer([Column], [String?])
    /// What a driver tells a PostgreSQL server: answered with its tag and, if it is ignored, a notice.
    case ignore(tag: String, notice: String?)
    /// BEGIN, COMMIT, ROLLBACK.
    case transaction(tag: String, status: TransactionStatus)
    case help
    case set(key: String, value: String)
    case reload
    case pause(PoolScope)
    case resume(PoolScope)
    case disable(String)
    case enable(String)
    case reconnect(PoolScope)
    case kill(PoolScope)
    case killClient(String)
    case suspend
    case shutdown(ShutdownMode)
    case waitClose(PoolScope)

    /// Whether stats_users may not run it.
    var needsAdmin: Bool {
        switch self {
        case .show, .answer, .ignore, .transaction, .help: false
        case .set, .reload, .pause, .resume, .disable, .enable, .reconnect, .kill, .killClient, .suspend, .shutdown,
            .waitClose:
            true
        }
    }
}

extension Command {
    /// For the log, as it could have been written.
    var logged: String {
        switch self {
        case .show(let name): "SHOW \(name)"
        case .answer, .help: "SHOW"
        case .ignore(let tag, _), .transaction(let tag, _): tag
        case .set(let key, let value): "SET \(key) = '\(value)'"
        case .reload: "RELOAD"
        case .pause(let scope): "PAUSE" + Self.name(scope)
        case .resume(let scope): "RESUME" + Self.name(scope)
        case .disable(let name): "DISABLE \(name)"
        case .enable(let name): "ENABLE \(name)"
        case .reconnect(let scope): "RECONNECT" + Self.name(scope)
        case .kill(let scope): "KILL" + Self.name(scope)
        case .killClient(let id): "KILL_CLIENT \(id)"
        case .suspend: "SUSPEND"
        case .shutdown(let mode): mode == .immediate ? "SHUTDOWN" : "SHUTDOWN \(mode)"
        case .waitClose(let scope): "WAIT_CLOSE" + Self.name(scope)
        }
    }

    private static func name(_ scope: PoolScope) -> String {
        switch scope {
        case .all: ""
        case .database(let name): " \(name)"
        }
    }
}
