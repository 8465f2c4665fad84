import AuditTrail
import EventLoop
import Sessions
import Settings

/// What the trail hears of a client beside its statements.
extension PooledClient {
    /// It is logged in, or is another user from now on: what it does is recorded under who it is now.
    final func beginTrail(_ pool: Pool) {
        guard let audit = worker.audit else { return }
        var info = auditSession
        info.user = pool.user.settings.name
        if pool.user.serverUser != info.user { info.effectiveUser = pool.user.serverUser }
        info.app = app?.settings.name ?? "default"
        info.database = pool.global.key.database
        info.applicationName = applicationName
        info.system = pool.cluster.protocolKind == .mysql ? "mysql" : "postgresql"
        info.connectionID = UInt64(worker.processID(of: slot))
        let session = audit.begin(info, pool.cluster.protocolKind)
        adopt(session)
        audit.record(
            AuditEvent(.authSuccess, session: session.slot, [AuditField("headgate.auth.tls", .flag(tls != nil))]))
    }

    /// It could not log in.
    final func recordFailedLogin(_ why: String, code: String) {
        guard let audit = worker.audit else { return }
        var event = AuditEvent(.authFailure, auditPlace)
        event.outcome = .failure
        event.reason =
            switch code {
            case "28P01": .badPassword
            case "28000": .hbaReject
            case "3D000": .unknownDatabase
            case "53300": .connectionLimit
            case "57P01": .shuttingDown
            case "08P01": .protocolViolation
            case "": .clientLost
            default: .invalid
            }
        event.detail += [
            AuditField("user.name", .text(loginUser)), AuditField("db.namespace", .text(loginDatabase)),
            AuditField("db.response.status_code", .text(code)), AuditField("error.message", .text(why)),
        ]
        audit.record(event)
    }

    /// Its connection has ended, after it had logged in.
    final func endTrail(_ why: String?) {
        guard let audit = worker.audit, let session = trailSession else { return }
        var event = AuditEvent(.connectionClose, session: session.slot)
        event.reason = .logout
        event.duration = UInt64(max(0, worker.loop.nowMicros - connectedAt)) &* 1000
        if let why { event.detail.append(AuditField("headgate.close.reason", .text(why))) }
        audit.record(event)
    }

    private var auditSession: AuditSession {
        var info = AuditSession()
        if peer.family != .unix {
            info.address = peer.host
            info.port = peer.port
        }
        if let tls {
            let parts = tls.summary.split(separator: "/")
            info.tlsVersion = parts.first.map { $0.hasPrefix("TLSv") ? String($0.dropFirst(4)) : String($0) }
            info.tlsCipher = parts.count > 1 ? String(parts[1]) : ""
            info.tlsSubject = tls.peerSubject ?? ""
        }
        info.id = "\(worker.shared.bootID)-\(worker.processID(of: slot))-\(connectedAt)"
        return info
    }

    private var auditPlace: [AuditField] {
        peer.family == .unix
            ? []
            : [AuditField("source.ip", .text(peer.host)), AuditField("source.port", .number(Int64(peer.port)))]
    }
}
