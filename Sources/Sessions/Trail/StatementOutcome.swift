import ByteKit
import MySQLWire
public import SQLText

/// How a statement reached its server.
public enum StatementPath: UInt8, Sendable {
    /// A simple Query, COM_QUERY.
    case simple
    /// Execute of PostgreSQL's extended protocol, COM_STMT_EXECUTE.
    case extended
    /// FunctionCall.
    case functionCall
    /// COM_STMT_BULK_EXECUTE.
    case bulk
    /// COM_STMT_FETCH.
    case fetch
    /// Parse, COM_STMT_PREPARE.
    case prepare
    /// A command of MySQL's protocol that has no text: COM_INIT_DB.
    case command
}

/// How a statement ended.
public enum StatementEnd: UInt8, Sendable {
    case success
    /// The server answered with an error.
    case failure
    /// It was not run, since an error came before it in its batch or text.
    case skipped
    /// It was refused here, and no server has seen it.
    case denied
    /// Its connection ended before the server had answered.
    case unknown
}

/// A client's part in the trail of its worker: the number under which it is known there, and what the next statement
/// needs to know of those before. Whoever has one, a client or a statement that runs, keeps the number from being
/// given to another.
public final class TrailSession {
    /// The number.
    public let slot: UInt32
    /// How long the client has waited for the server its next statement gets, in nanoseconds.
    public var waited: UInt64 = 0

    /// It speaks MySQL.
    public var isOfMySQL: Bool { trail.isOfMySQL }

    let trail: StatementTrail
    /// The statement in front, once it is known whether it may go.
    var granted: OpenStatement?
    /// MySQL: the command in front, admitted and not sent.
    var admitted: OpenStatement?
    /// MySQL: the error of ours it was answered with.
    var answered: MySQLError?
    /// The trail cannot take the statement in front, for this reason.
    var denied: TrailRefusal?
    /// The transaction that was open last, and how many statements it has had.
    var transaction: UInt64 = 0
    var transactionIndex: UInt32 = 0
    /// What the unnamed portal was bound to.
    var portal: BoundPortal?
    /// The same for portals with names.
    var portals: NameTable<BoundPortal>?

    /// A session under a number nobody else has.
    public init(slot: UInt32, trail: StatementTrail) {
        self.slot = slot
        self.trail = trail
    }

    /// The client is gone: what is in front will not be sent.
    public func leave() {
        for statement in [granted, admitted] { if let statement { trail.withdraw(statement) } }
        granted = nil
        admitted = nil
        portal = nil
        portals = nil
    }

    deinit { trail.freedSlots.append(slot) }
}

/// Why the trail cannot take a statement.
public struct TrailRefusal: Sendable, Equatable {
    /// What is wrong, for the client.
    public let message: String
    /// What to do about it.
    public let hint: String

    /// A reason.
    public init(message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// What a portal will run.
struct BoundPortal {
    let entry: StatementEntry
    /// The parameters as they came, behind the names; empty where nobody asks for them.
    let parameters: [UInt8]
}

/// A statement that was sent and whose end is not known yet.
public struct OpenStatement {
    /// Whose it is.
    public let session: TrailSession
    /// What it is.
    public let shape: StatementShape
    /// The number of its first statement; those behind it in its text have the numbers behind it.
    public let id: UInt64
    /// When it came, in nanoseconds of the clock `StatementTrail.now` is set from.
    public let startedAt: UInt64
    /// How long it waited for a server, in nanoseconds.
    public let waited: UInt64
    /// How it came.
    public let path: StatementPath
    /// The trace it belongs to.
    public let trace: TraceContext?
    /// How many bytes its text has.
    public let textLength: Int
    /// The text itself, where somebody asks for it.
    public let text: RawSQL?
    /// Its parameters as they came, where somebody asks for them.
    public let parameters: [UInt8]
    /// Its transaction, and the how-manieth of it it is.
    public let transaction: UInt64, transactionIndex: UInt32
    /// How many bytes its client has sent for it.
    public internal(set) var bytesIn: UInt64
    /// The server it was sent to.
    public internal(set) var place = ServerPlace()
    /// Which statement of its text ends next; `.max` when none will.
    var index = 0
}

/// A server, as a trail knows it.
public struct ServerPlace: Sendable, Equatable {
    /// The number of its address in the trail of the worker; `.max` is none.
    public var backend = UInt32.max
    /// Its process or thread; 0 if it is not known.
    public var processID: UInt32 = 0

    /// No server.
    public init() {}
    /// A server.
    public init(backend: UInt32, processID: UInt32) {
        self.backend = backend
        self.processID = processID
    }
}

/// A statement that has ended.
public struct StatementOutcome {
    /// The statement.
    public let statement: OpenStatement
    /// Which one of its text.
    public let index: Int
    /// How it ended.
    public let end: StatementEnd
    /// When, by the clock of `StatementTrail.now`.
    public let endedAt: UInt64
    /// What the server's own answer says it was, where that is something else.
    public var serverClass: StatementClass?
    /// Rows it answered with; nil where it is not of that kind.
    public var returnedRows: UInt64?
    /// Rows it changed; nil where it is not of that kind.
    public var affectedRows: UInt64?
    /// How many bytes the server has answered with.
    public var bytesOut: UInt64 = 0
    /// PostgreSQL's code: five bytes, the first in the lowest; 0 if there is none.
    public var sqlstate: UInt64 = 0
    /// MySQL's code.
    public var code: UInt16 = 0
    /// The server's message, values and all.
    public var message = RawSQL.none
    /// The server ended it because somebody, or a limit, asked for that.
    public var isCancelled = false
    /// More of its rows can be fetched.
    public var isSuspended = false

    /// `sqlstate` as text.
    public var state: String {
        var left = sqlstate
        var text = ""
        while left != 0 {
            text.unicodeScalars.append(UnicodeScalar(UInt8(truncatingIfNeeded: left)))
            left >>= 8
        }
        return text
    }

    init(statement: OpenStatement, index: Int, end: StatementEnd) {
        self.statement = statement
        self.index = index
        self.end = end
        endedAt = statement.session.trail.now
    }
}
