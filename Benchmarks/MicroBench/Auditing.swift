import AuditTrail
import Glibc

let auditing = [
    Case(name: "audit-record", operation: "record, encode and chain a statement, into memory", count: 20_000) { count in
        AuditRehearsal.run(count, batch: 500, directory: nil)
    },
    Case(
        name: "audit-file", operation: "the same into a file, synced every 500 (AUDIT_BENCH_DIR or /tmp)", count: 20_000
    ) { count in
        let parent = unsafe getenv("AUDIT_BENCH_DIR").map { unsafe String(cString: $0) } ?? "/tmp"
        return AuditRehearsal.run(count, batch: 500, directory: "\(parent)/headgate-audit-bench-\(getpid())")
    },
]
