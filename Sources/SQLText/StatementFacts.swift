/// What a statement is, by its command.
public enum StatementKind: UInt8, Sendable {
    case empty, select, values, insert, update, delete, merge
    case begin, commit, rollback, savepoint, releaseSavepoint, rollbackToSavepoint
    case prepareTransaction, commitPrepared, rollbackPrepared
    /// `SET` of a session or local setting; `setTransaction` is `SET TRANSACTION` and `SET CONSTRAINTS`.
    case set, setTransaction
    case reset, show, discard
    case prepare, execute, deallocate
    case listen, unlisten, notify
    /// `fetch` is `MOVE` too.
    case declareCursor, closeCursor, fetch
    case copy, lock
    /// Everything that creates, alters, drops, grants, comments, truncates, clusters, reindexes or refreshes.
    case ddl
    case call, doBlock, explain
    /// `VACUUM` and `ANALYZE`.
    case vacuum
    case load
    /// A known command of none of these kinds (`CHECKPOINT`).
    case other
    /// Not understood.
    case unknown
}

/// State that lives in a server session and cannot be replayed in another.
public struct SessionStateKinds: OptionSet, Sendable, Hashable {
    /// The kinds as bits.
    public let rawValue: UInt16
    /// The kinds of these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Temporary tables, views, sequences and other objects of the session's temporary schema.
    public static let temporaryTables = SessionStateKinds(rawValue: 1)
    /// Session-level advisory locks; MySQL `GET_LOCK`.
    public static let advisoryLocks = SessionStateKinds(rawValue: 2)
    /// Cursors that outlive their transaction.
    public static let holdCursors = SessionStateKinds(rawValue: 4)
    /// A library loaded into the server process.
    public static let loadedLibrary = SessionStateKinds(rawValue: 8)
    /// Something that cannot be told from the text.
    public static let unknown = SessionStateKinds(rawValue: 16)
    /// MySQL `LOCK TABLES`, `FLUSH TABLES t WITH READ LOCK`, `FLUSH TABLES t FOR EXPORT`.
    public static let tableLocks = SessionStateKinds(rawValue: 32)
    /// Channels listened to, where LISTEN does not go through the hub.
    public static let channels = SessionStateKinds(rawValue: 64)
    /// MySQL user variables whose value the text does not tell; a `.setComputed` with the name is there too, where there
    /// is one.
    public static let userVariables = SessionStateKinds(rawValue: 128)
    /// MySQL `XA START`, until `XA COMMIT` or `XA ROLLBACK`.
    public static let xa = SessionStateKinds(rawValue: 256)
    /// MySQL `HANDLER … OPEN`.
    public static let handlers = SessionStateKinds(rawValue: 512)
    /// MySQL `FLUSH TABLES WITH READ LOCK`.
    public static let globalReadLock = SessionStateKinds(rawValue: 1024)
    /// `LOCK INSTANCE FOR BACKUP`, MariaDB `BACKUP STAGE` and `BACKUP LOCK`.
    public static let backupLocks = SessionStateKinds(rawValue: 2048)
    /// MySQL `PREPARE`, where it is not multiplexed. No effect says so: `.prepare` and `.deallocate` do, with the name.
    public static let preparedStatements = SessionStateKinds(rawValue: 4096)
}

/// What a statement does to the state of its session.
public enum SessionEffect: Sendable, Equatable {
    /// A session-level setting; `name` is the server's own lower-case name, `replay` one complete statement, without
    /// semicolon, that makes the same setting in another session.
    case set(name: String, replay: [UInt8])
    /// A session-level setting whose value the text does not tell (`set_config('name', $1, false)`).
    case setComputed(name: String)
    /// A setting that ends with the transaction.
    case setLocal(name: String)
    /// `RESET`, and `SET … TO DEFAULT`: back to what the session began with.
    case reset(name: String)
    /// `RESET ALL`, which leaves role and session authorization alone.
    case resetAll
    /// `DISCARD`; `ALL` is everything at once, `RESET ALL`, `DEALLOCATE ALL` and `UNLISTEN *` too.
    case discardAll, discardPlans, discardTemporary, discardSequences
    /// SQL-level `PREPARE`; `nameRange` are the bytes of the name as written, with quotes; `name` is what it means. If the
    /// statement inside has effects, a `.mayCreate(.unknown)` follows, since `EXECUTE` does not show them.
    case prepare(name: String, nameRange: Range<Int>)
    /// SQL-level `EXECUTE`, also inside `EXPLAIN` and `CREATE TABLE AS`.
    case execute(name: String, nameRange: Range<Int>)
    /// `DEALLOCATE`; MySQL `DROP PREPARE` too.
    case deallocate(name: String, nameRange: Range<Int>)
    /// `DEALLOCATE ALL`, which frees the protocol's named statements too.
    case deallocateAll
    /// Notification channels; the name is folded as the server folds it.
    case listen(channel: String), unlisten(channel: String), unlistenAll
    /// Savepoints, at which settings made since are undone.
    case savepoint(String), releaseSavepoint(String), rollbackToSavepoint(String)
    /// May leave this state behind in the server session.
    case mayCreate(SessionStateKinds)
    /// May end state of these kinds.
    case mayRelease(SessionStateKinds)

    /// Whether it makes, uses or ends prepared statements.
    public var namesStatements: Bool {
        switch self {
        case .prepare, .execute, .deallocate, .deallocateAll, .discardAll: true
        case .set, .setComputed, .setLocal, .reset, .resetAll, .discardPlans, .discardTemporary, .discardSequences,
            .listen, .unlisten, .unlistenAll, .savepoint, .releaseSavepoint, .rollbackToSavepoint, .mayCreate,
            .mayRelease:
            false
        }
    }
}

/// One statement of a text.
public struct Statement: Sendable {
    /// Its bytes in the text, without semicolon and without the white space and comments around it.
    public let range: Range<Int>
    /// What it is.
    public let kind: StatementKind
    /// What it does to the session, in the order it does it.
    public let effects: [SessionEffect]
    /// True for anything that is not certainly read-only. For `PREPARE` and `DECLARE`: of the statement inside.
    public let writes: Bool
    /// The relations it names, as `schema.table` or `table`, each once; names of its own `WITH` are left out.
    public let tables: [String]
    /// The functions it calls, as `schema.name` or `name`, each once.
    public let functions: [String]
    /// What else there is to know; only of MySQL's statements.
    public let traits: StatementTraits
    /// What few statements have.
    let details: StatementDetails?

    init(
        range: Range<Int>, kind: StatementKind, effects: [SessionEffect], writes: Bool, tables: [String],
        functions: [String], traits: StatementTraits, details: StatementDetails? = nil
    ) {
        self.range = range
        self.kind = kind
        self.effects = effects
        self.writes = writes
        self.tables = tables
        self.functions = functions
        self.traits = traits
        self.details = details
    }

    /// Whom a MySQL `KILL` names; nil for other statements.
    public var kill: KillStatement? { details?.kill }
    /// Where a MySQL statement asks for numbers of the statement before it; nil if it does not.
    public var reads: SessionReads? { details?.reads }
    /// What a MySQL statement makes or ends by name, beside the effects that say so without.
    public var named: [NamedState] { details?.named ?? [] }

    func moved(to range: Range<Int>) -> Statement {
        Statement(
            range: range, kind: kind, effects: effects, writes: writes, tables: tables, functions: functions,
            traits: traits, details: details)
    }
}

/// What holds for the statements of a text together.
public struct StatementFlags: OptionSet, Sendable, Hashable {
    /// The flags as bits.
    public let rawValue: UInt16
    /// The flags of these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Any statement has any `SessionEffect`.
    public static let hasEffects = StatementFlags(rawValue: 1)
    /// Any statement is not certainly read-only.
    public static let writes = StatementFlags(rawValue: 2)
    /// More than one statement.
    public static let multiple = StatementFlags(rawValue: 4)
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints and the two-phase commands.
    public static let transactionControl = StatementFlags(rawValue: 8)
    /// `COPY … FROM STDIN` or `TO STDOUT`.
    public static let copies = StatementFlags(rawValue: 16)
    /// The parser did not understand the text; the facts are the lexer's guess.
    public static let unparsed = StatementFlags(rawValue: 32)
    /// No statement at all.
    public static let empty = StatementFlags(rawValue: 64)
}

/// What is known about a text: the statements in it and what they do.
///
/// Only what the text says is known. A function of the user's may set, lock or create anything inside; it counts as
/// writing, but its effects on the session cannot be seen from here.
public final class StatementFacts: Sendable {
    /// The statements in order; none for an empty text.
    public let statements: [Statement]
    /// What holds for all of them together.
    public let flags: StatementFlags
    /// See `Fingerprint`.
    public let fingerprint: UInt64
    /// The traits of all of them.
    public let traits: StatementTraits

    init(statements: [Statement], fingerprint: UInt64, extra: StatementFlags = []) {
        self.statements = statements
        self.fingerprint = fingerprint
        traits = statements.reduce([]) { $0.union($1.traits) }
        var flags = extra
        if statements.isEmpty { flags.insert(.empty) }
        if statements.count > 1 { flags.insert(.multiple) }
        for statement in statements {
            if !statement.effects.isEmpty { flags.insert(.hasEffects) }
            if statement.writes { flags.insert(.writes) }
            if statement.kind.isTransactionControl { flags.insert(.transactionControl) }
        }
        self.flags = flags
    }

    /// Whether there is nothing in it but what ends a transaction: what others may be waiting for.
    public var endsTransaction: Bool {
        !statements.isEmpty
            && statements.allSatisfy { statement in
                switch statement.kind {
                case .commit, .rollback, .prepareTransaction, .commitPrepared, .rollbackPrepared: true
                default: false
                }
            }
    }
}

extension StatementKind {
    /// Begins, ends or marks a place in a transaction.
    public var isTransactionControl: Bool {
        switch self {
        case .begin, .commit, .rollback, .savepoint, .releaseSavepoint, .rollbackToSavepoint, .prepareTransaction,
            .commitPrepared, .rollbackPrepared:
            true
        case .empty, .select, .values, .insert, .update, .delete, .merge, .set, .setTransaction, .reset, .show,
            .discard, .prepare, .execute, .deallocate, .listen, .unlisten, .notify, .declareCursor, .closeCursor,
            .fetch, .copy, .lock, .ddl, .call, .doBlock, .explain, .vacuum, .load, .other, .unknown:
            false
        }
    }
}
