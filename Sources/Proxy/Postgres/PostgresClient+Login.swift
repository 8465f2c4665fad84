import ByteKit
import Credentials
import EventLoop
import PostgresWire
import Sessions
import Settings
import Telemetry

/// What a client needs while it logs in, and no longer.
final class LoginAttempt {
    let exchange: ClientLogin
    let listener: ListenSettings
    var user = ""
    var database = ""
    var record: UserRecord?
    var base: SettingsProfile?
    var applicationName: String?
    /// The same without what `application_name_add_host` adds.
    var givenName: String?
    var isProtocol32 = false
    var isDeriving = false
    /// TLS was begun without asking.
    var isDirect = false
    /// What SCRAM can be bound to.
    var binding = ChannelBinding.none
    /// Bytes sent to the console that it has not dealt with.
    var consoleBacklog = 0
    /// Wants a server of its own.
    var replication = ReplicationRequest.none
    /// For a server of its own: the start-up parameters as the client sent them.
    var passedOn: [(String, String)] = []

    init(exchange: ClientLogin, listener: ListenSettings) {
        self.exchange = exchange
        self.listener = listener
    }

    /// Why a password was not taken, for the log.
    var weakness: String {
        guard let record else { return "there is no [user.\(user)]" }
        return record.secret == nil ? "[user.\(user)] has no password" : "it is not that of [user.\(user)]"
    }

    /// For the log.
    var name: String { user.isEmpty ? "" : "\(database)/\(user)" }
}

extension PostgresClient {
    func loginReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let login, !login.isDeriving else { return 0 }
        if login.user.isEmpty, unsafe isHeaderUnasked(bytes) { return bytes.count }
        var done = 0
        while done < bytes.count, phase == .login {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            let (consumed, step) = unsafe login.exchange.received(rest.bytes)
            done += consumed
            if case .needBytes = step { return done }
            if case .beginDirectTLS = step {
                unsafe beginTLS(login, early: rest)
                return bytes.count
            }
            take(step, login)
            if login.isDeriving { return done }
        }
        return phase == .closed ? bytes.count : done
    }

    private func take(_ step: ClientLoginStep, _ login: LoginAttempt) {
        switch step {
        case .needBytes: return
        case .reply(let bytes): send(bytes)
        case .beginTLS:
            // The last byte in clear.
            send([0x53])
            unsafe beginTLS(login, early: UnsafeRawBufferPointer(start: nil, count: 0))
        case .beginDirectTLS: break
        case .startup(let message): started(message, login)
        case .cancel(let processID, let key):
            worker.cancelRequested(processID: processID, key: key)
            close(nil)
        case .accepted(let keys, _):
            if let keys { login.record?.remember(keys) }
            accepted(login)
        case .refused(let error):
            // The log says more than the client may know.
            guard error.sqlstate == "28P01" else { return fail(error) }
            var out = ByteWriter(capacity: 256)
            error.write(to: &out)
            loginFailed(out.take(), logged: "\(error.message): \(login.weakness)", sqlstate: error.sqlstate)
        case .closeSilently: close(nil)
        }
    }

    private func beginTLS(_ login: LoginAttempt, early: UnsafeRawBufferPointer) {
        guard let context = worker.snapshot.tls.server(login.listener),
            let channel = TLSChannel(context, worker.tlsPort, accepting: ())
        else { return close(nil) }
        login.isDirect = early.count > 0
        login.binding = context.material.binding
        unsafe beginTLS(channel, early: early)
    }

    func tlsOpenedForLogin() {
        guard let login else { return }
        // Without it a record meant for another protocol's server could be taken for ours (ALPACA).
        if login.isDirect, tls?.hasProtocolName != true { return close("TLS without the ALPN name \"postgresql\"") }
        login.exchange.becameSecure(binding: login.binding)
    }

    private func started(_ message: StartupMessage, _ login: LoginAttempt) {
        login.user = message["user"] ?? ""
        let named = message["database"] ?? ""
        login.database = named.isEmpty ? login.user : named
        // Nothing speaks 3.1: the next lower version is 3.0.
        let minor: UInt16 = message.minor >= 2 ? 2 : 0
        if message.minor != minor || !message.unknownOptions.isEmpty {
            var out = ByteWriter(capacity: 64)
            out.negotiateProtocolVersion(minor: minor, unknown: message.unknownOptions)
            send(out.take())
        }
        login.isProtocol32 = message.minor >= 2
        if let refusal = tlsRefusal(login) { return fail(refusal) }
        if worker.isFull { return refuseOverLimit() }
        let general = worker.snapshot.configuration.general
        guard !worker.isShuttingDown else {
            fail(PostgresError(.fatal, "57P01", "the pooler is shutting down", hint: "Connect to another one."))
            return
        }
        let source = general.applicationNameAddHost ? peer.description : nil
        switch StartupSettings.read(
            message, ignoring: general.ignoreStartupParameters, source: source, worker.environment.profiles)
        {
        case .success(let settings):
            login.base = settings.base
            login.applicationName = settings.applicationName
            login.givenName = settings.givenName
        case .failure(let error):
            fail(error)
            return
        }
        guard let replication = ReplicationRequest(message["replication"]) else {
            fail(
                PostgresError(
                    .fatal, "22023",
                    "invalid value for parameter \"replication\": \"\(message["replication"] ?? "")\"",
                    hint: "Valid values are: \"false\", 0, \"true\", 1, \"database\"."))
            return
        }
        login.replication = replication
        if replication != .none {
            let own: Set<String> = ["user", "database"]
            login.passedOn = message.parameters.map { ($0.name, $0.value) }
                .filter { !own.contains($0.0) && !$0.0.hasPrefix("_pq_.") }
            if let source {
                login.passedOn.removeAll { $0.0.lowercased() == "application_name" }
                login.passedOn.append(
                    ("application_name", StartupSettings.named(message["application_name"], from: source)))
            }
            login.database = replicationDatabase(login)
        }
        login.record = worker.snapshot.users[login.user]
        authenticate(login)
    }

    /// Why the listener does not take the client as the user it names.
    private func tlsRefusal(_ login: LoginAttempt) -> PostgresError? {
        switch tlsShortfall(login.listener, user: login.user) {
        case nil: nil
        case .missing(let mode):
            PostgresError(
                .fatal, "28000", "this listener takes TLS connections only (tls = \"\(mode.rawValue)\")",
                hint: "Connect with sslmode=require, or better verify-full.")
        case .otherUser:
            PostgresError(
                .fatal, "28000", "certificate authentication failed for user \"\(login.user)\"",
                hint: "The common name of the client's certificate must be the user's name.")
        }
    }

    private func authenticate(_ login: LoginAttempt) {
        let verdict = access(
            to: login.database, as: login.user, at: login.listener,
            isPhysicalReplication: login.replication == .physical)
        switch verdict {
        case .failure(let refusal): refuse(refusal)
        case .success(let demand): demandProof(demand, login)
        }
    }

    private func demandProof(_ demand: AccessDemand, _ login: LoginAttempt) {
        switch demand.method {
        case .reject: refuse(.rejected(as: login.user))
        case .trust:
            guard login.record != nil else { return refuse(.unknown(login.user)) }
            take(login.exchange.begin(.none), login)
        case .certificate:
            guard isCertified(login.user, demand), login.record != nil else {
                return refuse(.certificate(of: login.user))
            }
            take(login.exchange.begin(.none), login)
        case .peer: askWhoIsThere(demand, login)
        case .plain:
            guard isPrivate else { return refuse(.passwordInTheClear) }
            take(login.exchange.begin(.cleartext(login.record?.secret)), login)
        case .md5:
            if case .scram? = login.record?.secret { return beginScram(login) }
            take(login.exchange.begin(.md5(login.record?.secret)), login)
        case .scramSHA256: beginScram(login)
        }
    }

    private func refuse(_ refusal: AccessRefusal) {
        fail(PostgresError(refusal), logged: refusal.logged)
    }

    /// The name of the user at the other end of a unix socket is looked up off the loop.
    private func askWhoIsThere(_ demand: AccessDemand, _ login: LoginAttempt) {
        guard let uid = Sockets.peerCredentials(fd)?.uid else { return refuse(.peer(login.user)) }
        login.isDeriving = true
        let (mailbox, slot, connectedAt) = (worker.shared.worker(worker.index), self.slot, self.connectedAt)
        let queued = worker.shared.workshop.run {
            let name = LocalMachine.userName(uid)
            _ = mailbox?.post(
                .job { worker in
                    guard let client = worker.clients[slot] as? PostgresClient, client.connectedAt == connectedAt else {
                        return
                    }
                    client.isThere(name, demand)
                })
        }
        if !queued { fail(PostgresError(.fatal, "53300", "too many clients log in at once", hint: "Try again.")) }
    }

    private func isThere(_ name: String?, _ demand: AccessDemand) {
        guard let login, login.isDeriving else { return }
        login.isDeriving = false
        guard let name, mayBe(login.user, as: name, demand), login.record != nil else {
            return refuse(.peer(login.user))
        }
        take(login.exchange.begin(.none), login)
        processCarried()
    }

    private func beginScram(_ login: LoginAttempt) {
        if let verifier = login.record?.verifier {
            take(login.exchange.begin(.scram(verifier, isMock: false)), login)
            return
        }
        guard let record = login.record, case .plain(let password)? = record.secret else {
            let mock = ScramServer.mockVerifier(
                user: login.user, processSecret: worker.shared.secret, iterations: worker.snapshot.mockIterations)
            take(login.exchange.begin(.scram(mock, isMock: true)), login)
            return
        }
        // The verifier of a clear-text password takes a millisecond to make: not on the loop, and only once.
        login.isDeriving = true
        let mailbox = worker.shared.worker(worker.index)
        let slot = self.slot
        let connectedAt = self.connectedAt
        let queued = worker.shared.workshop.run {
            if record.verifier == nil {
                record.remember(
                    ScramVerifier.derive(
                        password: password, salt: randomBytes(16), iterations: ScramVerifier.defaultIterations))
            }
            _ = mailbox?.post(
                .job { worker in
                    guard let client = worker.clients[slot] as? PostgresClient, client.connectedAt == connectedAt,
                        let login = client.login
                    else { return }
                    login.isDeriving = false
                    client.beginScram(login)
                    client.processCarried()
                })
        }
        if !queued { fail(PostgresError(.fatal, "53300", "too many clients log in at once", hint: "Try again.")) }
    }

    /// The client is who it says it is.
    private func accepted(_ login: LoginAttempt) {
        guard authenticated() else { return }
        if ConsoleGate.isConsole(login.database) {
            openConsole(login)
            return
        }
        guard
            let pool = admit(
                database: login.database, record: login.record, calling: login.givenName ?? "", as: .postgres)
        else { return }
        if login.replication != .none { return startReplication(login, pool) }
        guard beginSession(login, pool) != nil, let base = login.base else { return }
        if let welcome = pool.welcome(for: base, login.applicationName, worker.environment) {
            finishLogin(status: welcome)
            return
        }
        phase = .welcome
        if pool.request(self), let server {
            waitsForServer = true
            server.takeOverSettings()
        }
    }

    /// The session begins with what `connect_query` sets, as far as that is known, and the start-up packet.
    @discardableResult
    private func beginSession(_ login: LoginAttempt, _ pool: Pool) -> ClientSession? {
        guard let asked = login.base else { return nil }
        let base = pool.global.settings(of: asked, worker.environment.profiles)
        login.base = base
        let made = ClientSession(
            base: base, status: worker.environment.statuses.empty, mode: pool.settings.poolMode,
            policy: pool.settings.sessionState)
        session = made
        return made
    }

    /// The first client of a pool gets its first server, and with it what `connect_query` sets.
    func beginAgain() {
        guard let login, let pool, pool.database.connectQuery != nil else { return }
        beginSession(login, pool)
    }

    /// A server has reported what holds for this client's settings.
    func finishLogin(_ server: ServerSession) {
        guard let pool, let login, let base = login.base else { return }
        pool.remember(server.status, for: base, worker.environment)
        finishLogin(status: server.status)
        if phase != .closed { transactionEndedAfterLogin() }
    }

    private func transactionEndedAfterLogin() {
        guard let server, let session else { return }
        if session.mode == .session {
            phase = .active
            resume()
            return
        }
        phase = .idle
        server.release()
        if phase == .idle { resume() }
    }

    private func finishLogin(status: StatusBlock) {
        guard let session, let login, let pool else { return }
        session.status = status
        welcome(status, login, pool)
    }

    /// Tells the client that it is logged in.
    func welcome(_ status: StatusBlock, _ login: LoginAttempt, _ pool: Pool) {
        cancelSecret = UInt64.random(in: 1 ... .max)
        var out = ByteWriter(capacity: 600)
        if let last = login.exchange.pendingFinal { out.authentication(12, last) }
        out.authentication(0)
        out.raw(status.encoded)
        out.backendKeyData(
            processID: worker.processID(of: slot), key: CancelKey.bytes(cancelSecret, isLong: login.isProtocol32))
        out.readyForQuery(.idle)
        send(out.take())
        self.login = nil
        loggedIn(pool)
    }
}

/// The settings in a start-up packet.
struct StartupSettings {
    let base: SettingsProfile
    let applicationName: String?
    /// As the client gave it.
    let givenName: String?

    /// Reads the parameters that are settings, those inside `options` too. With a `source` (where the client comes from)
    /// the application name says so.
    static func read(
        _ message: StartupMessage, ignoring: [String], source: String?, _ profiles: ProfileTable
    ) -> Result<StartupSettings, PostgresError> {
        let ignored = ignoring.map { $0.lowercased() }
        var entries: [SettingEntry] = []
        var applicationName: String?
        func add(_ name: String, _ value: String) {
            let lower = name.lowercased()
            if ignored.contains(lower) { return }
            if lower == "application_name" { applicationName = value }
            entries.append(SettingEntry(name: lower, replay: SettingText.assignment(lower, value)))
        }
        if let options = message["options"], !ignored.contains("options") {
            switch CommandLineOptions.parse(options) {
            case .success(let pairs): for (name, value) in pairs { add(name, value) }
            case .failure(let error): return .failure(error)
            }
        }
        let own: Set<String> = ["user", "database", "options", "replication"]
        for parameter in message.parameters
        where !own.contains(parameter.name) && !parameter.name.hasPrefix("_pq_.") {
            add(parameter.name, parameter.value)
        }
        let givenName = applicationName
        if let source { add("application_name", named(applicationName, from: source)) }
        return .success(
            StartupSettings(
                base: profiles.intern(entries), applicationName: applicationName, givenName: givenName))
    }
}

extension StartupSettings {
    /// PgBouncer's form, `NAME - ADDRESS:PORT`, the name cut so that the whole is at most the 63 bytes PostgreSQL keeps.
    static func named(_ name: String?, from source: String) -> String {
        let given = name ?? ""
        var cut = String((given.isEmpty ? "app" : given).unicodeScalars.prefix(63))
        while !cut.isEmpty, cut.utf8.count + 3 + source.utf8.count > 63 { cut.unicodeScalars.removeLast() }
        return "\(cut) - \(source)"
    }
}

/// The `options` start-up parameter: `-c name=value`, `-cname=value`, `--name=value`, blanks escaped with `\`.
enum CommandLineOptions {
    static func parse(_ text: String) -> Result<[(String, String)], PostgresError> {
        var words: [String] = []
        var word = ""
        var inWord = false
        var escaped = false
        for character in text.unicodeScalars {
            if escaped {
                word.unicodeScalars.append(character)
                escaped = false
            } else if character == "\\" {
                escaped = true
                inWord = true
            } else if character.properties.isWhitespace {
                if inWord { words.append(word) }
                word = ""
                inWord = false
            } else {
                word.unicodeScalars.append(character)
                inWord = true
            }
        }
        if inWord { words.append(word) }
        var pairs: [(String, String)] = []
        var index = 0
        while index < words.count {
            var assignment = words[index]
            index += 1
            if assignment == "-c" {
                guard index < words.count else { return .failure(bad("-c without a setting")) }
                assignment = words[index]
                index += 1
            } else if assignment.hasPrefix("-c") || assignment.hasPrefix("--") {
                assignment = String(assignment.dropFirst(2))
            } else {
                return .failure(bad("unrecognized option \"\(assignment)\""))
            }
            guard let equals = assignment.firstIndex(of: "=") else {
                return .failure(bad("option \"\(assignment)\" has no value"))
            }
            let name = assignment[..<equals].map { $0 == "-" ? "_" : $0 }
            pairs.append((String(name), String(assignment[assignment.index(after: equals)...])))
        }
        return .success(pairs)
    }

    private static func bad(_ what: String) -> PostgresError {
        PostgresError(
            .fatal, "42601", "cannot read the startup parameter \"options\": \(what)",
            hint: "Write \"-c name=value\" or \"--name=value\".")
    }
}

/// Cancel keys: 4 bytes for protocol 3.0, 16 for 3.2.
enum CancelKey {
    static func bytes(_ secret: UInt64, isLong: Bool) -> [UInt8] {
        var out: [UInt8] = []
        for shift in stride(from: 24, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: secret >> UInt64(shift)))
        }
        guard isLong else { return out }
        for shift in stride(from: 56, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: secret >> UInt64(shift)))
        }
        for shift in stride(from: 56, through: 32, by: -8) {
            out.append(UInt8(truncatingIfNeeded: secret >> UInt64(shift)))
        }
        return out
    }

    static func matches(_ key: [UInt8], _ secret: UInt64) -> Bool {
        constantTimeEquals(key, bytes(secret, isLong: false)) || constantTimeEquals(key, bytes(secret, isLong: true))
    }
}
