import ByteKit
import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// Where clients of the virtual database `headgate` (alias `pgbouncer`) leave the path to the servers.
enum ConsoleGate {
    /// The names of the console.
    static let names: Set<String> = ["headgate", "pgbouncer"]

    /// Unanswered bytes above which a client of the console is no longer read.
    static let backlogLimit = 64 << 10

    static func isConsole(_ database: String) -> Bool { names.contains(database) }
}

extension PostgresClient {
    /// An authenticated client wants the console.
    func openConsole(_ login: LoginAttempt) {
        let console = worker.snapshot.configuration.console
        let isAdmin = console.adminUsers.contains(login.user)
        guard isAdmin || console.statsUsers.contains(login.user) else {
            fail(
                PostgresError(
                    .fatal, "28000", "not allowed",
                    hint: "The console is for the users in admin_users and stats_users of [console]."))
            return
        }
        guard let handler = worker.shared.console else {
            fail(PostgresError(.fatal, "57P03", "the console is not ready yet", hint: "Try again."))
            return
        }
        worker.disarm(self)
        cancelSecret = UInt64.random(in: 1 ... .max)
        var out = ByteWriter(capacity: 512)
        if let last = login.exchange.pendingFinal { out.authentication(12, last) }
        out.authentication(0)
        for (name, value) in handler.greeting { out.parameterStatus(name, value) }
        out.backendKeyData(
            processID: worker.processID(of: slot), key: CancelKey.bytes(cancelSecret, isLong: login.isProtocol32))
        out.readyForQuery(.idle)
        send(out.take())
        // `login` stays: it knows who this is.
        phase = .console
        Log.info("console_login", "console login", ["client": peer.description, "user": login.user])
        handler.opened(
            ConsoleClient(id: id, user: login.user, isAdmin: isAdmin, address: peer.description))
    }

    /// Bytes for the console: they are dealt with on its thread.
    func consoleReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let login, let handler = worker.shared.console else { return bytes.count }
        requestedAt = worker.loop.nowMicros
        login.consoleBacklog += bytes.count
        if login.consoleBacklog > ConsoleGate.backlogLimit {
            isHeldByCarried = true
            updateInterest()
        }
        handler.received(unsafe [UInt8](bytes), from: id)
        return bytes.count
    }

    /// The console's answer; it has dealt with `used` bytes more.
    func consoleAnswered(_ bytes: [UInt8], used: Int, closes: Bool) {
        guard phase == .console, let login else { return }
        send(bytes)
        login.consoleBacklog -= used
        if isHeldByCarried, login.consoleBacklog <= ConsoleGate.backlogLimit {
            isHeldByCarried = false
            updateInterest()
        }
        if closes { close(nil) }
    }
}
