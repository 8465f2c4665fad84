import ByteKit
public import PostgresWire
import SQLText

/// What a statement operation sent to a server becomes if it succeeds, or is undone as if it never was.
struct StatementOperation {
    enum Kind {
        /// The client's Parse of a named statement.
        case parseNamed
        /// The same of a statement the server has already: nothing was sent.
        case parseHeld
        /// The client's Parse of the unnamed statement.
        case parseUnnamed
        /// A Parse the proxy put in, so that the statement exists on this server.
        case injectedParse
        /// A Parse or Close of the unnamed statement the proxy put in.
        case injectedUnnamed
        /// A Close the proxy put in to make room.
        case evict
        /// The client's Close of a named statement; the server keeps it.
        case closeNamed
        /// The client's Close of the unnamed statement.
        case closeUnnamed
    }

    let kind: Kind
    /// The batch it was sent in.
    var batch: UInt32 = 0
    /// What the server calls it.
    var serial: UInt64 = 0
    /// What the client calls it.
    var name: [UInt8] = []
    /// What the client had under that name before.
    var previous: ClientStatement?
    /// The unnamed statement the client had before.
    var previousUnnamed: StatementEntry?
    /// What a client's Parse wanted prepared, where that is to be recorded if it fails.
    var parsed: OpenStatement?
    /// `ClientSession.unnamedDrops` when it was sent.
    var unnamedDrops: UInt32 = 0

    /// Whether it changes which unnamed statement the client has.
    var changesUnnamed: Bool { kind == .parseUnnamed || kind == .closeUnnamed }
}

/// What the unnamed prepared statement of a server connection is.
enum UnnamedStatement: Equatable {
    case none
    case serial(UInt64)
    /// An error left it open whether the last Parse was carried out.
    case unknown
}

/// One logged-in server connection's conversation: what it still owes, the state of its transaction, which settings and
/// prepared statements it has. Says nothing of sockets.
public final class ServerSession {
    /// What the server is going to answer.
    public internal(set) var expected = ExpectedReplies()
    /// The status of the last ReadyForQuery.
    public internal(set) var transaction: TransactionStatus = .idle
    /// Settings that differ from this session's own defaults.
    public internal(set) var settings: SettingsProfile
    /// ParameterStatus values last reported.
    public internal(set) var status: StatusBlock
    /// Prepared statements held.
    var statements: ServerStatements
    /// The unnamed prepared statement.
    var unnamed: UnnamedStatement = .none
    /// Statements whose Parse is not answered, with the batch it was last sent in and how often it is owed: a later batch
    /// cannot rely on them, since an error skips the rest of a batch.
    var unanswered: [UInt64: (batch: UInt32, count: Int)] = [:]
    /// The batch in which the unnamed statement was parsed or closed, while that is not answered.
    var unnamedUnanswered: UInt32?
    /// Counts the Syncs sent.
    var batch: UInt32 = 0
    /// One for each Parse and Close among the expected replies.
    var operations = Ring<StatementOperation>()
    /// One for each tracked Query and Execute among the expected replies.
    var tracked = Ring<TrackedStatement>()
    /// Which statement of a tracked simple Query completes next.
    var trackedIndex = 0
    /// One for each recorded reply among the expected ones.
    var audited = Ring<OpenStatement>()
    /// Statements of the batch that is to be sent once more.
    var auditedBefore: [OpenStatement] = []
    /// What a trail knows it as.
    public var place = ServerPlace()
    /// How many bytes it has answered with, and how many when the statement before ended.
    var replied: UInt64 = 0
    var repliedBefore: UInt64 = 0
    /// How many bytes of COPY data it was sent.
    var copied: UInt64 = 0
    /// Errors to be sent in place of the server's own, one for each `.failure` among the expected replies.
    var failures = Ring<PostgresError>()
    /// An error was answered: everything the client sends up to its Sync is discarded, as the server does.
    var isSkipping = false
    /// Extended messages were sent to it since the last Sync.
    var hasOpenBatch = false
    /// The batch it was sent last, while that can be sent once more.
    var retry = BatchRetry()
    /// Inside BEGIN … COMMIT, known earlier than from ReadyForQuery.
    var isInBlock = false
    /// The last tracked statement was ROLLBACK TO SAVEPOINT, whose tag is that of ROLLBACK.
    var rolledBackToSavepoint = false
    /// An error was answered inside a transaction block since the last ReadyForQuery.
    var failedInBlock = false
    /// LISTEN was sent to it.
    public internal(set) var hasListened = false
    /// Answers are counted, because the application of some client it has had limits them.
    var countsAnswer = false
    /// How much of the answer to the statement under way has come; only where that is counted.
    var answer = AnswerSize()
    /// That was too much, and the client has been told so: the rest, up to ReadyForQuery, is for nobody.
    public internal(set) var isCut = false
    /// The client is told ReadyForQuery when the transaction has been made to fail.
    var owesReady = false
    /// COPY data goes from the client to the server.
    var isCopyingIn = false
    /// Bytes of the message being streamed from the server that are still to come.
    var passThrough = 0
    /// The streamed message is not for the client.
    var passHidden = false
    /// The last error that answered a hidden message.
    public internal(set) var hiddenError: ServerError?
    /// Why the proxy could not prepare what the Query behind it executes.
    var refusedPreparation: [UInt8] = []
    /// Rows that answered hidden messages, as column texts.
    var hiddenRows: [[[UInt8]?]] = []

    /// A server that comes from another worker, where it held these statements.
    public convenience init(settings: SettingsProfile, status: StatusBlock, holding statements: ServerStatements) {
        self.init(settings: settings, status: status, statementLimit: statements.limit)
        self.statements = statements
        unnamed = .unknown
    }

    /// What it takes along to another worker.
    public var heldStatements: ServerStatements { statements }

    /// A server that has just said ReadyForQuery for the first time.
    public init(settings: SettingsProfile, status: StatusBlock, statementLimit: Int) {
        self.settings = settings
        self.status = status
        statements = ServerStatements(limit: statementLimit)
    }

    /// Nothing is owed and no message is half received; a transaction may be open.
    public var isQuiet: Bool { expected.isEmpty && passThrough == 0 && !isCopyingIn && !hasOpenBatch && !isSkipping }

    /// The end of every statement sent to it has been noted.
    public var hasNothingOnRecord: Bool { audited.isEmpty && auditedBefore.isEmpty }

    /// Nothing is owed, no transaction is open, no message is half received (DESIGN.md 7).
    public var isClean: Bool {
        transaction == .idle && isQuiet
    }

    /// Enters an operation of the current batch.
    func add(_ operation: consuming StatementOperation) {
        operation.batch = batch
        operations.append(operation)
    }

    /// Whether Parse or Close messages of an earlier batch are not answered, or texts that name statements are not.
    var hasUndecided: Bool { operations.isFirst { $0.batch != batch } || hasUndecidedText }

    /// Whether a PREPARE, DEALLOCATE or DISCARD is not answered that may fail without what is sent now failing too.
    private var hasUndecidedText: Bool {
        for index in 0..<tracked.count {
            if let text = tracked[index], !text.undo.isEmpty, text.batch != batch { return true }
        }
        return false
    }

    /// Whether what a name means depends on a batch before this one whose outcome is not known: an error may have
    /// skipped the Parse or Close in it.
    func isUndecided(_ name: RawSpan) -> Bool {
        guard hasUndecided else { return false }
        if hasUndecidedText { return true }
        var index = operations.count - 1
        let last = max(0, index - 256)
        while index >= last, let operation = operations[index] {
            switch operation.kind {
            case .parseNamed, .parseHeld, .closeNamed:
                if operation.name.withSpan({ $0.equals(name) }) { return operation.batch != batch }
            case .parseUnnamed, .closeUnnamed:
                if name.byteCount == 0 { return operation.batch != batch }
            case .injectedParse, .injectedUnnamed, .evict: break
            }
            index -= 1
        }
        return last > 0
    }

    /// Whether the server's unnamed statement is what `unnamed` says when the next message of this batch gets there: an
    /// error in an earlier batch may skip what changed it.
    var isUnnamedCertain: Bool { unnamedUnanswered == nil || unnamedUnanswered == batch }

    /// One change of the unnamed statement was answered; it is certain once the last is.
    func unnamedSettled() {
        for index in 0..<operations.count {
            switch operations[index]?.kind {
            case .parseUnnamed?, .injectedUnnamed?, .closeUnnamed?: return
            case .parseNamed?, .parseHeld?, .injectedParse?, .evict?, .closeNamed?, nil: break
            }
        }
        unnamedUnanswered = nil
    }

    /// A Parse of the statement is sent in the current batch.
    func parseSent(_ serial: UInt64) {
        unanswered[serial] = (batch, (unanswered[serial]?.count ?? 0) &+ 1)
    }

    /// One of them was answered or skipped.
    func parseSettled(_ serial: UInt64) {
        guard let owed = unanswered[serial] else { return }
        unanswered[serial] = owed.count > 1 ? (owed.batch, owed.count &- 1) : nil
    }

    /// A Close the proxy put in was answered: the server has that statement no more, unless something sent behind it says
    /// otherwise.
    func evicted(_ serial: UInt64) {
        guard statements.doubtful.contains(serial), unanswered[serial] == nil else { return }
        for index in 0..<min(256, operations.count) where operations[index]?.serial == serial {
            if case .evict? = operations[index]?.kind { return }
        }
        statements.doubtful.remove(serial)
    }

    /// So much went wrong that nobody knows any more which statements it holds: better a new connection.
    public var isWorn: Bool { statements.doubtful.count > 256 }

    /// How many prepared statements it holds.
    public var preparedCount: Int { statements.count }
}
