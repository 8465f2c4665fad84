import PostgresWire

/// Where clients of the virtual database `headgate` (alias `pgbouncer`) leave the path to the servers.
enum ConsoleGate {
    static func isConsole(_ database: String) -> Bool { database == "headgate" || database == "pgbouncer" }
}

extension ClientConnection {
    func openConsole(_ login: LoginAttempt) {
        fail(PostgresError(.fatal, "0A000", "the console is not ready"))
    }

    func consoleReceived(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }
}
