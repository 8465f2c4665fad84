import AuditTrail
import Proxy
import Settings

extension ShowTables {
    /// How the audit trail does, one fact a row: operators read it, and scripts look for a key.
    static let audit = ShowTable(
        of: { facts in auditRows(facts) }, [.text("key") { $0.name }, .text("value") { $0.value }])

    private static func auditRows(_ facts: Facts) -> [NamedValue] {
        guard let service = facts.audit else { return [NamedValue(name: "enabled", value: "no")] }
        let now = service.trail.status.values
        let settings = facts.configuration.audit
        func milliseconds(_ nanoseconds: UInt64) -> String { "\(nanoseconds / 1_000_000)" }
        var rows: [(String, String)] = [
            ("enabled", "yes"), ("mode", settings.mode.rawValue),
            ("state", now.refusal.map { "refusing: \($0.message)" } ?? "recording"),
            ("directory", settings.directory), ("sequence", "\(now.sequence)"), ("durable_sequence", "\(now.durable)"),
            ("oldest_undurable_ms", milliseconds(now.oldestWaitNanoseconds)),
            ("signed_sequence", "\(now.checkpoint)"), ("key_id", now.key), ("records", "\(now.records)"),
            ("bytes", "\(now.bytes)"), ("commits", "\(now.commits)"),
            ("commit_us_average", "\(now.commits == 0 ? 0 : now.commitNanoseconds / now.commits / 1000)"),
            ("gaps", "\(now.gaps)"), ("lost_records", "\(now.lost)"), ("shed_records", "\(now.shed)"),
            ("disk_free", "\(now.free)"), ("disk_state", "\(now.rung.name)"),
            ("emergency_segment", now.isEmergency ? "in use" : "kept back"), ("segment", "\(now.segment)"),
            ("segment_bytes", "\(now.segmentBytes)"), ("segments", "\(now.segments)"),
            ("segments_bytes", "\(now.directoryBytes)"),
        ]
        for ring in service.trail.fills {
            rows.append(("ring.\(ring.index).bytes", "\(ring.bytes) of \(ring.capacity)"))
        }
        for sink in service.trail.sinks {
            let lag = now.durable > sink.sequence ? now.durable - sink.sequence : 0
            rows.append(("sink.\(sink.name).state", sink.isConnected ? "connected" : "down: \(sink.lastFailure)"))
            rows.append(("sink.\(sink.name).sequence", "\(sink.sequence)"))
            rows.append(("sink.\(sink.name).lag_records", "\(lag)"))
            rows.append(("sink.\(sink.name).lag_seconds", lag == 0 ? "0" : "\(sink.secondsBehind)"))
            rows.append(("sink.\(sink.name).failures", "\(sink.failureCount)"))
            rows.append(("sink.\(sink.name).shortened", "\(sink.shortenedCount)"))
        }
        return rows.map { NamedValue(name: $0.0, value: $0.1) }
    }
}
