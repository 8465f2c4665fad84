import ByteKit
import EventLoop
import Sessions
import Settings

/// A connection that looks up users. Nothing a client has chosen reaches it but the user's name, as a parameter of the
/// query (CVE-2025-12819): neither start-up parameters nor settings, and no other client's session.
final class AuthConnection: OwnConnection {
    let source: AuthSource
    private unowned(unsafe) let owner: AuthDesk
    private var desk: AuthDesk { unsafe owner }
    private var exchange: AuthQueryExchange?

    /// `search_path` so that no name in the query means anything somebody else has made.
    private static let parameters = [
        ("search_path", "pg_catalog, pg_temp"), ("application_name", "headgate auth_query"),
        ("client_encoding", "UTF8"),
    ]

    init(
        _ desk: AuthDesk, worker: Worker, source: AuthSource, cluster: ClusterSettings, timeout: TimeSpan,
        asker: UserRecord, database: String, target: ServerAddress
    ) {
        unsafe owner = desk
        self.source = source
        let login = ServerLogin(
            user: asker.serverUser, database: database, credential: asker.credential,
            tls: target.tlsMode(in: cluster), extraParameters: Self.parameters)
        super.init(worker: worker, login: login, cluster: cluster, timeout: timeout)
    }

    func ask(_ user: String) {
        let exchange = AuthQueryExchange(user: user)
        self.exchange = exchange
        send(exchange.question(source.query))
    }

    override func opened(_ statuses: [StatusBlock.Entry]) { desk.opened(self) }

    override func failedToOpen(_ failure: ConnectFailure) {
        switch failure {
        case .unreachable(let why), .connectQuery(let why): desk.lost(why, self)
        case .login(let refusal): desk.refused(refusal, self)
        }
    }

    override func lost(_ why: String) { desk.lost(why, self) }

    override func openReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard var asked = exchange else {
            // Nothing is owed: a notice, or the server says goodbye.
            return bytes.count
        }
        let (consumed, answer) = unsafe asked.received(bytes.bytes)
        exchange = asked
        guard let consumed else {
            end()
            desk.answered(.none("auth_query: the answer is too long or makes no sense"), self)
            return bytes.count
        }
        if let answer {
            exchange = nil
            desk.answered(answer, self)
        }
        return consumed
    }
}
