import MySQLWire
import PostgresWire
import Settings

/// Why a client, or its statement, is turned away: what pools and workers say, in no protocol's words. Each protocol has
/// its codes for the reasons; the texts are the same.
struct Refusal: Sendable {
    /// The cases users can tell apart by code.
    enum Reason: Sendable, Equatable {
        case unknownDatabase
        /// The database lets nobody in for now.
        case databaseDisabled
        case tooManyConnections
        /// No server can be reached, or none is configured.
        case noServer
        /// `query_wait_timeout`.
        case waitedTooLong
        case loginTooLong
        case clientIdleTooLong
        case transactionTooLong
        case statementTooLong
        /// A rate, or the size of a statement or result.
        case overLimit
        /// A write where there may be none.
        case readOnly
        /// A transaction where there may be none (`pool_mode = "statement"`).
        case transactionNotAllowed
        /// The server went away while it served the client.
        case serverLost
        /// The server refuses a setting the client has.
        case settingRefused
        /// The user asked for it.
        case cancelled
        /// The administrator, a reload or the end of the process.
        case terminated
        case shuttingDown
        /// What came breaks the rules of what is spoken.
        case malformed
        /// The server's own answer to our login: SQLSTATE and, from MySQL, the number.
        case ofServer(sqlstate: String, code: UInt16)
    }

    let reason: Reason
    /// What happened.
    let message: String
    /// More about it.
    let detail: String?
    /// What to do about it.
    let hint: String?
    /// The connection ends with it.
    var isFatal: Bool

    init(_ reason: Reason, _ message: String, detail: String? = nil, hint: String? = nil, isFatal: Bool = true) {
        self.reason = reason
        self.message = message
        self.detail = detail
        self.hint = hint
        self.isFatal = isFatal
    }

    /// The same as the end of a connection.
    var fatal: Refusal {
        var copy = self
        copy.isFatal = true
        return copy
    }
}

extension PostgresError {
    /// A refusal in PostgreSQL's words.
    init(_ refusal: Refusal) {
        self.init(
            refusal.isFatal ? .fatal : .error, refusal.reason.sqlstate, refusal.message, detail: refusal.detail,
            hint: refusal.hint)
    }
}

extension Refusal.Reason {
    /// PostgreSQL's code (INTERFACES.md, "Errors a client sees").
    var sqlstate: String {
        switch self {
        case .unknownDatabase: "3D000"
        case .databaseDisabled: "55000"
        case .tooManyConnections: "53300"
        case .noServer: "08001"
        case .waitedTooLong, .cancelled, .statementTooLong: "57014"
        case .loginTooLong, .serverLost: "08006"
        case .clientIdleTooLong: "57P05"
        case .transactionTooLong: "25P03"
        case .overLimit: "53400"
        case .readOnly: "25006"
        case .transactionNotAllowed: "25001"
        case .settingRefused: "22023"
        case .terminated, .shuttingDown: "57P01"
        case .malformed: "08P01"
        case .ofServer(let sqlstate, _): sqlstate
        }
    }
}

extension Refusal {
    /// There is no such database, in the words of the protocol's servers.
    static func unknownDatabase(_ name: String, _ kind: ProtocolKind) -> Refusal {
        Refusal(
            .unknownDatabase, kind == .mysql ? "Unknown database '\(name)'" : "database \"\(name)\" does not exist",
            hint: "The databases of this pooler are the [database.*] tables of its configuration.")
    }
}

extension MySQLError {
    /// A refusal in MySQL's words: its packets have one text, so the hint follows the message.
    init(_ refusal: Refusal) {
        let (code, sqlstate): (UInt16, String) =
            switch refusal.reason {
            case .unknownDatabase: (1049, "42000")
            case .databaseDisabled: (1044, "42000")
            case .tooManyConnections: (1040, "08004")
            case .noServer: (1429, "HY000")
            case .waitedTooLong: (1205, "HY000")
            case .loginTooLong: (1159, "08S01")
            case .clientIdleTooLong, .transactionTooLong: (4031, "HY000")
            case .statementTooLong: (3024, "HY000")
            case .overLimit: (1226, "42000")
            case .readOnly: (1792, "25006")
            case .transactionNotAllowed: (1179, "25000")
            case .serverLost: (1927, "70100")
            case .settingRefused: (1231, "42000")
            case .cancelled: (1317, "70100")
            case .terminated: (1927, "70100")
            case .shuttingDown: (1053, "08S01")
            case .malformed: (1835, "HY000")
            case .ofServer(let sqlstate, let code): (code, sqlstate)
            }
        let texts = [refusal.message, refusal.detail, refusal.hint].compactMap { $0 }
        self.init(code, sqlstate, texts.joined(separator: ". ").replacing("..", with: "."))
    }
}
