/// What happened, where it is not a statement: `event.action`.
public enum AuditEventKind: UInt8, Sendable, CaseIterable {
    case connectionOpen, connectionClose
    case authSuccess, authFailure, authThrottled
    case sessionChangeUser, sessionSetRole, sessionKilled
    case statementCancel, statementTimeout
    case policyDenied, limitExceeded
    case adminLogin, adminLogout, adminDenied, adminCommand
    case configChange, configReloadFailed, secretRotated, certLoaded, certExpiring
    case backendState, failoverStart, failoverComplete, failoverFailed, switchover
    case lifecycle
    case auditStart, auditStop, auditPause, auditResume, auditPolicyChange, auditRead
    case auditGap, auditDegraded, auditRestored, auditSinkDown, auditSinkUp
    case auditCheckpoint, auditHeartbeat, auditKeyRotated
    case auditSegmentStart, auditSegmentEnd

    /// `event.action`.
    public var name: StaticString { traits.name }

    /// The trail must be able to say this even when the disk is full: it may use the emergency segment.
    var mayUseEmergencySpace: Bool {
        switch self {
        case .lifecycle, .auditStart, .auditStop, .auditPause, .auditResume, .auditPolicyChange, .auditRead, .auditGap,
            .auditDegraded, .auditRestored, .auditSinkDown, .auditSinkUp, .auditCheckpoint, .auditHeartbeat,
            .auditKeyRotated, .auditSegmentStart, .auditSegmentEnd, .adminLogin, .adminLogout, .adminDenied,
            .adminCommand, .configChange, .configReloadFailed, .secretRotated, .certLoaded, .certExpiring,
            .backendState, .failoverStart, .failoverComplete, .failoverFailed, .switchover:
            true
        case .connectionOpen, .connectionClose, .authSuccess, .authFailure, .authThrottled, .sessionChangeUser,
            .sessionSetRole, .sessionKilled, .statementCancel, .statementTimeout, .policyDenied, .limitExceeded:
            false
        }
    }

    struct Traits {
        let name: StaticString
        /// `event.category` and `event.type`, as JSON.
        let category: StaticString
        let severity: UInt8
    }

    var traits: Traits {
        switch self {
        case .connectionOpen:
            Traits(name: "connection.open", category: begun, severity: 1)
        case .connectionClose: Traits(name: "connection.close", category: closed, severity: 1)
        case .authSuccess: Traits(name: "auth.success", category: authentication, severity: 2)
        case .authFailure: Traits(name: "auth.failure", category: authentication, severity: 5)
        case .authThrottled: Traits(name: "auth.throttled", category: denied, severity: 6)
        case .sessionChangeUser: Traits(name: "session.change_user", category: switched, severity: 4)
        case .sessionSetRole: Traits(name: "session.set_role", category: switched, severity: 4)
        case .sessionKilled: Traits(name: "session.killed", category: ended, severity: 4)
        case .statementCancel: Traits(name: "statement.cancel", category: ended, severity: 3)
        case .statementTimeout: Traits(name: "statement.timeout", category: ended, severity: 4)
        case .policyDenied: Traits(name: "policy.denied", category: denied, severity: 5)
        case .limitExceeded: Traits(name: "limit.exceeded", category: denied, severity: 4)
        case .adminLogin: Traits(name: "admin.login", category: authentication, severity: 4)
        case .adminLogout: Traits(name: "admin.logout", category: closed, severity: 2)
        case .adminDenied: Traits(name: "admin.denied", category: denied, severity: 6)
        case .adminCommand: Traits(name: "admin.command", category: configuration, severity: 5)
        case .configChange: Traits(name: "config.change", category: configuration, severity: 6)
        case .configReloadFailed: Traits(name: "config.reload_failed", category: failed, severity: 6)
        case .secretRotated: Traits(name: "secret.rotated", category: configuration, severity: 5)
        case .certLoaded: Traits(name: "cert.loaded", category: configuration, severity: 3)
        case .certExpiring: Traits(name: "cert.expiring", category: told, severity: 6)
        case .backendState: Traits(name: "backend.state", category: database, severity: 5)
        case .failoverStart: Traits(name: "failover.start", category: database, severity: 8)
        case .failoverComplete: Traits(name: "failover.complete", category: database, severity: 8)
        case .failoverFailed: Traits(name: "failover.failed", category: failed, severity: 9)
        case .switchover: Traits(name: "switchover", category: database, severity: 7)
        case .lifecycle: Traits(name: "lifecycle", category: process, severity: 5)
        case .auditStart: Traits(name: "audit.start", category: configuration, severity: 6)
        case .auditStop: Traits(name: "audit.stop", category: configuration, severity: 7)
        case .auditPause: Traits(name: "audit.pause", category: configuration, severity: 8)
        case .auditResume: Traits(name: "audit.resume", category: configuration, severity: 6)
        case .auditPolicyChange: Traits(name: "audit.policy_change", category: configuration, severity: 8)
        case .auditRead: Traits(name: "audit.read", category: read, severity: 4)
        case .auditGap: Traits(name: "audit.gap", category: lost, severity: 9)
        case .auditDegraded: Traits(name: "audit.degraded", category: failed, severity: 9)
        case .auditRestored: Traits(name: "audit.restored", category: told, severity: 6)
        case .auditSinkDown: Traits(name: "audit.sink.down", category: failed, severity: 7)
        case .auditSinkUp: Traits(name: "audit.sink.up", category: told, severity: 4)
        case .auditCheckpoint: Traits(name: "audit.checkpoint", category: told, severity: 0)
        case .auditHeartbeat: Traits(name: "audit.heartbeat", category: told, severity: 0)
        case .auditKeyRotated: Traits(name: "audit.key_rotated", category: configuration, severity: 7)
        case .auditSegmentStart: Traits(name: "audit.segment.start", category: told, severity: 0)
        case .auditSegmentEnd: Traits(name: "audit.segment.end", category: told, severity: 0)
        }
    }

    private var begun: StaticString { #""category":["network","session"],"type":["connection","start"]"# }
    private var closed: StaticString { #""category":["network","session"],"type":["end"]"# }
    private var authentication: StaticString { #""category":["authentication","session"],"type":["start"]"# }
    private var denied: StaticString { #""category":["network"],"type":["denied"]"# }
    private var switched: StaticString { #""category":["iam","session"],"type":["change"]"# }
    private var ended: StaticString { #""category":["database","session"],"type":["end"]"# }
    private var configuration: StaticString { #""category":["configuration"],"type":["change"]"# }
    private var failed: StaticString { #""category":["configuration"],"type":["error"]"# }
    private var told: StaticString { #""category":["configuration"],"type":["info"]"# }
    private var database: StaticString { #""category":["database"],"type":["change"]"# }
    private var read: StaticString { #""category":["database"],"type":["access"]"# }
    private var lost: StaticString { #""category":["database"],"type":["error"]"# }
    private var process: StaticString { #""category":["process"],"type":["info"]"# }
}
