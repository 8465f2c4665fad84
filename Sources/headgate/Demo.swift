import Console
import EventLoop
import Glibc
import Telemetry

/// `headgate demo`: PostgreSQL and MariaDB servers in a temporary directory and this proxy in front of them, until a signal
/// comes.
func demo(_ arguments: [String]) -> Int32 {
    let portBase: UInt16?
    switch DemoOptions.parse(arguments) {
    case .success(let options): portBase = options.portBase
    case .failure(let wrong):
        printError("headgate: \(wrong.text)\nusage: headgate demo [--port-base N]\n")
        return 2
    }
    Signals.block()
    do throws(DemoFailure) {
        try Demo.run(portBase: portBase)
        return 0
    } catch {
        if case .interrupted = error { return 0 }
        printError("headgate demo: \(error)\n")
        return 1
    }
}

/// What the command line of the demo says.
private struct DemoOptions {
    /// The first of the ports; nil is wherever enough are free.
    var portBase: UInt16?

    struct Wrong: Error { let text: String }

    static func parse(_ arguments: [String]) -> Result<DemoOptions, Wrong> {
        var options = DemoOptions()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let value: String
            if argument == "--port-base", let next = rest.popFirst() {
                value = next
            } else if argument.hasPrefix("--port-base=") {
                value = String(argument.dropFirst(12))
            } else {
                return .failure(Wrong(text: "demo does not know \"\(argument)\""))
            }
            let last = UInt16.max - DemoPlan.Ports.count + 1
            guard let port = UInt16(value), (1...last).contains(port) else {
                return .failure(Wrong(text: "--port-base is a port from 1 to \(last), not \"\(value)\""))
            }
            options.portBase = port
        }
        return .success(options)
    }
}

private enum Demo {
    static func run(portBase: UInt16?) throws(DemoFailure) {
        let programs = DemoPrograms.find()
        for missing in programs.missing { printError("headgate demo: \(missing)\n") }
        if programs.postgres == nil, programs.mariadb == nil { throw .failed("without a database there is no demo") }
        let identity = try DemoIdentity.choose()
        let plan = try DemoPlan(portBase: portBase)
        let directory = try DemoDirectory.create(for: identity)
        var servers = DemoServers(directory, as: identity)
        // Whatever happens from here on, nothing stays behind.
        defer {
            Log.level = .fatal
            servers.stop()
            if !directory.remove() { printError("headgate demo: cannot remove \(directory.path)\n") }
        }
        try DemoClock.listen()
        let postgres = programs.postgres.map { DemoPostgres(programs: $0, directory: directory, plan: plan) }
        var mariadb = programs.mariadb.map { DemoMariaDB($0, directory, plan) }
        try start(postgres, &mariadb, &servers)
        step("headgate")
        let console = try startProxy(directory, plan, programs)
        try postgres?.waitForProxy(servers)
        if DemoPlan.proxySpeaksMySQL { try mariadb?.waitForProxy(servers) }
        write(demoText(plan, directory, programs), to: 1)
        try withExtendedLifetime(console) { () throws(DemoFailure) in try watch(&servers) }
    }

    /// Starts all servers. MariaDB's are busy by themselves while PostgreSQL's are seen to, so that both together take
    /// hardly longer than one.
    private static func start(
        _ postgres: DemoPostgres?, _ mariadb: inout DemoMariaDB?, _ servers: inout DemoServers
    ) throws(DemoFailure) {
        let place = servers.directory.path
        if mariadb != nil { step("MariaDB in \(place)") }
        try mariadb?.install(&servers)
        if let postgres {
            step("a primary, with \(postgres.programs.directory) in \(place)")
            try postgres.startPrimary(&servers)
        }
        try mariadb?.start(&servers)
        if let postgres {
            step("a streaming replica")
            try postgres.startReplica(&servers)
        }
        if let mariadb {
            step("MariaDB's replica")
            try mariadb.waitUntilFollowing(servers)
        }
    }

    /// The proxy, in this process, as `headgate run` has it; its log goes to a file.
    private static func startProxy(
        _ directory: DemoDirectory, _ plan: DemoPlan, _ programs: DemoPrograms
    ) throws(DemoFailure) -> ConsoleServer {
        try directory.write("secrets/demo", plan.demoPassword + "\n")
        try directory.write("secrets/admin", plan.adminPassword + "\n")
        try directory.write("headgate.toml", plan.configuration(directory, for: programs))
        let log = unsafe open(directory.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard log >= 0 else { throw DemoDirectory.systemFailure("write \(directory.log)") }
        Log.descriptor = log
        guard let console = startServing(directory.configuration) else {
            throw .failed("the proxy did not start:", log: DemoDirectory.tail(directory.log))
        }
        return console
    }

    /// Until a signal comes, or a server ends that should not.
    private static func watch(_ servers: inout DemoServers) throws(DemoFailure) {
        while DemoClock.stopRequests == 0 {
            if let (server, end) = servers.ended() {
                servers.forget(server)
                throw .failed("\(server.name), a server, ended with \(end):", log: DemoDirectory.tail(server.output))
            }
            usleep(100_000)
        }
        step("stopping")
    }

    private static func step(_ text: String) { printError("headgate demo: \(text) …\n") }
}

/// Writes text at once, whoever reads it.
private func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while unsafe !rest.isEmpty {
            let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count <= 0 { return }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }
}
