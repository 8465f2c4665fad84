import ByteKit
import Credentials
import Settings

/// What comes in from other processes.
extension AuditWriter {
    /// Makes records of the readings `audit cat` has noted.
    func takeReads() {
        let path = directory + "/" + SegmentName.reads
        let taken = path + ".taken"
        guard (try? files.facts(path)) != nil, (try? files.rename(path, taken)) != nil else { return }
        defer { _ = try? files.remove(taken) }
        guard let bytes = try? files.contents(taken) else { return }
        for line in bytes.split(separator: 0x0A).prefix(1000) {
            guard let value = Array(line).withSpan({ JSONValue($0) }) else { continue }
            func text(_ name: String) -> AuditField? {
                value[name]?.text.map { AuditField("headgate.read.\(name)", .text(String($0.prefix(1000)))) }
            }
            var fields = ["time", "user", "what"].compactMap(text)
            fields.append(AuditField("headgate.read.process", .unsigned(value["process"]?.number ?? 0)))
            fields.append(AuditField("headgate.read.by", .text("headgate audit cat")))
            note(AuditEvent(.auditRead, mode: .strict, fields))
        }
    }

    /// Goes by other options from now on.
    func adopt(_ renewed: AuditOptions) {
        var renewed = renewed
        renewed.keepWhatNeedsRestart(of: options)
        guard renewed != options else { return }
        let before = policy
        options = renewed
        retainAt = 0
        guard policy != before else { return }
        note(
            AuditEvent(
                .auditPolicyChange, mode: .strict,
                policy + [
                    AuditField(
                        "headgate.policy_before",
                        .object(before.map { AuditField(String($0.path.dropFirst(16)), $0.value) }))
                ]))
    }
}
