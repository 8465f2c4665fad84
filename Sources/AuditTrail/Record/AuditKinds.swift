/// What a statement is, in pgaudit's classes and a few more.
public enum StatementClass: UInt8, Sendable, CaseIterable {
    case read, write, ddl, role, tcl, function, misc, miscSet, copy, admin, unknown

    /// As records and `[audit.classes]` have it.
    public var name: StaticString {
        switch self {
        case .read: "READ"
        case .write: "WRITE"
        case .ddl: "DDL"
        case .role: "ROLE"
        case .tcl: "TCL"
        case .function: "FUNCTION"
        case .misc: "MISC"
        case .miscSet: "MISC_SET"
        case .copy: "COPY"
        case .admin: "ADMIN"
        case .unknown: "UNKNOWN"
        }
    }

    /// How safely it is recorded where the configuration names neither the class nor a mode of its own.
    public var isStrictByDefault: Bool {
        switch self {
        case .ddl, .role, .unknown: true
        case .read, .write, .tcl, .function, .misc, .miscSet, .copy, .admin: false
        }
    }
}

/// Which of the two records of a statement this is.
public enum AuditPhase: UInt8, Sendable {
    /// What came of it: every statement has exactly one.
    case complete
    /// It is about to be sent to a server: only where the mode is strict.
    case intent
}

/// What came of a statement or event. ECS knows `success`, `failure` and `unknown`; what says more is in
/// `headgate.outcome`.
public enum AuditOutcome: UInt8, Sendable, CaseIterable {
    case success, failure
    /// Never executed, because a statement before it failed.
    case skipped
    /// Refused by the proxy.
    case denied
    case timeout, cancelled
    /// The server was lost while it ran.
    case unknown

    /// `event.outcome`.
    var ecs: StaticString {
        switch self {
        case .success: "success"
        case .failure, .denied, .timeout, .cancelled: "failure"
        case .skipped, .unknown: "unknown"
        }
    }

    /// `headgate.outcome`, and what `audit cat --outcome` takes.
    public var name: StaticString {
        switch self {
        case .success: "success"
        case .failure: "failure"
        case .skipped: "skipped"
        case .denied: "denied"
        case .timeout: "timeout"
        case .cancelled: "cancelled"
        case .unknown: "unknown"
        }
    }
}

/// Why, for machines: `event.reason`.
public enum AuditReason: UInt8, Sendable, CaseIterable {
    case none
    case appLimit, rateLimit, rowLimit, byteLimit, sizeLimit, connectionLimit
    case readOnly, noPrimary, queryWaitTimeout, queryTimeout, statementTimeout, transactionTimeout
    case idleTransactionTimeout, clientIdleTimeout, loginTimeout
    case cancelled, killed, serverLost, clientLost, skippedAfterError, transactionAborted
    case badPassword, unknownUser, unknownDatabase, unknownMethod, hbaReject, tlsRequired, certificateRejected
    case protocolViolation, malformed, policy, sessionState
    case auditUnavailable, auditOverflow
    case shuttingDown, drained, paused, logout, changed, serverError, proxyError
    case notAllowed, invalid, expired, throttled

    /// In snake case, as records have it.
    public var name: StaticString {
        switch self {
        case .none: ""
        case .appLimit: "app_limit"
        case .rateLimit: "rate_limit"
        case .rowLimit: "row_limit"
        case .byteLimit: "byte_limit"
        case .sizeLimit: "size_limit"
        case .connectionLimit: "connection_limit"
        case .readOnly: "read_only"
        case .noPrimary: "no_primary"
        case .queryWaitTimeout: "query_wait_timeout"
        case .queryTimeout: "query_timeout"
        case .statementTimeout: "statement_timeout"
        case .transactionTimeout: "transaction_timeout"
        case .idleTransactionTimeout: "idle_transaction_timeout"
        case .clientIdleTimeout: "client_idle_timeout"
        case .loginTimeout: "login_timeout"
        case .cancelled: "cancelled"
        case .killed: "killed"
        case .serverLost: "server_lost"
        case .clientLost: "client_lost"
        case .skippedAfterError: "skipped_after_error"
        case .transactionAborted: "transaction_aborted"
        case .badPassword: "bad_password"
        case .unknownUser: "unknown_user"
        case .unknownDatabase: "unknown_database"
        case .unknownMethod: "unknown_method"
        case .hbaReject: "hba_reject"
        case .tlsRequired: "tls_required"
        case .certificateRejected: "certificate_rejected"
        case .protocolViolation: "protocol_violation"
        case .malformed: "malformed"
        case .policy: "policy"
        case .sessionState: "session_state"
        case .auditUnavailable: "audit_unavailable"
        case .auditOverflow: "audit_overflow"
        case .shuttingDown: "shutting_down"
        case .drained: "drained"
        case .paused: "paused"
        case .logout: "logout"
        case .changed: "changed"
        case .serverError: "server_error"
        case .proxyError: "proxy_error"
        case .notAllowed: "not_allowed"
        case .invalid: "invalid"
        case .expired: "expired"
        case .throttled: "throttled"
        }
    }
}

/// How a statement came over the wire: `headgate.statement.protocol`.
public enum ProtocolPath: UInt8, Sendable, CaseIterable {
    /// PostgreSQL: Query, Parse to Execute, SQL-level EXECUTE, FunctionCall, COPY data, a replication command.
    case simple, extended, sqlExecute, fastpath, copy, replication
    /// PostgreSQL CancelRequest.
    case cancelRequest
    /// MySQL's commands.
    case comQuery, comStmtPrepare, comStmtExecute, comStmtBulkExecute, comStmtFetch, comStmtClose, comStmtReset
    case comStmtSendLongData, comInitDb, comFieldList, comChangeUser, comResetConnection, comProcessKill, comPing
    case comStatistics, comProcessInfo, comDebug, comRefresh, comShutdown, comSetOption, comCreateDb, comDropDb
    case comBinlogDump, comRegisterReplica, comQuit, comOther, localInfile
    /// The proxy's own console.
    case console

    /// As records have it.
    public var name: StaticString {
        switch self {
        case .simple: "simple"
        case .extended: "extended"
        case .sqlExecute: "sql_execute"
        case .fastpath: "fastpath"
        case .copy: "copy"
        case .replication: "replication"
        case .cancelRequest: "cancel_request"
        case .comQuery: "com_query"
        case .comStmtPrepare: "com_stmt_prepare"
        case .comStmtExecute: "com_stmt_execute"
        case .comStmtBulkExecute: "com_stmt_bulk_execute"
        case .comStmtFetch: "com_stmt_fetch"
        case .comStmtClose: "com_stmt_close"
        case .comStmtReset: "com_stmt_reset"
        case .comStmtSendLongData: "com_stmt_send_long_data"
        case .comInitDb: "com_init_db"
        case .comFieldList: "com_field_list"
        case .comChangeUser: "com_change_user"
        case .comResetConnection: "com_reset_connection"
        case .comProcessKill: "com_process_kill"
        case .comPing: "com_ping"
        case .comStatistics: "com_statistics"
        case .comProcessInfo: "com_process_info"
        case .comDebug: "com_debug"
        case .comRefresh: "com_refresh"
        case .comShutdown: "com_shutdown"
        case .comSetOption: "com_set_option"
        case .comCreateDb: "com_create_db"
        case .comDropDb: "com_drop_db"
        case .comBinlogDump: "com_binlog_dump"
        case .comRegisterReplica: "com_register_replica"
        case .comQuit: "com_quit"
        case .comOther: "com_other"
        case .localInfile: "local_infile"
        case .console: "console"
        }
    }
}
