import Credentials
import Settings
import Synchronization

/// Beginning and end.
extension AuditWriter {
    /// The first records of this process.
    func begin(_ lifecycle: [AuditField], _ recovered: Recovered) {
        if previousKey?.publicKey.id == key.publicKey.id { previousKey = nil }
        if let before = recovered.keyID, before != (previousKey ?? key).publicKey.id {
            notice(
                AuditNotice(
                    level: .warning,
                    text:
                        "the key of the audit trail is not the one it was signed with before (\(before)), and that one "
                        + "has not handed over: audit verify will need --public-key with both"))
            previousKey = nil
        }
        reserveEmergency()
        let isCrash = recovered.state.sequence > 0 && !recovered.wasClosed
        var fields = [
            AuditField("headgate.lifecycle.phase", .text(isCrash ? "start_after_crash" : "start")),
            AuditField("observer.hostname", .text(FileSystem.hostName)),
            AuditField("observer.serial_number", .text(options.node)),
            AuditField("observer.version", .text(options.version)),
        ]
        if recovered.cutBytes > 0 {
            fields.append(AuditField("headgate.lifecycle.truncated_tail.bytes", .number(Int64(recovered.cutBytes))))
            fields.append(AuditField("headgate.lifecycle.truncated_tail.lines", .number(Int64(recovered.cutLines))))
            if let damaged = recovered.damaged {
                fields.append(AuditField("headgate.lifecycle.truncated_tail.kept_in", .text(damaged)))
            }
            notice(
                AuditNotice(
                    level: recovered.cutLines > 0 ? .error : .warning,
                    text: "cut \(recovered.cutBytes) bytes off the end of the audit trail that were no whole records"
                        + (recovered.damaged.map { "; they are kept in \($0)" } ?? "")))
        }
        note(AuditEvent(.lifecycle, mode: .strict, fields + lifecycle))
        note(AuditEvent(.auditStart, mode: .strict, policy))
        commit(UnixTime.monotonic())
        handedOver()
    }

    /// What is recorded, and how.
    var policy: [AuditField] {
        let settings = options.settings
        return [
            AuditField("headgate.policy.mode", .text(settings.mode.rawValue)),
            AuditField(
                "headgate.policy.classes",
                .object(
                    settings.classes.sorted { $0.key < $1.key }.map { AuditField($0.key, .text($0.value.rawValue)) })),
            AuditField("headgate.policy.text", .text(settings.text.rawValue)),
            AuditField("headgate.policy.parameters", .text(settings.parameters.rawValue)),
            AuditField("headgate.policy.on_overflow", .text(settings.onOverflow.rawValue)),
            AuditField("headgate.policy.on_io_error", .text(settings.onIOError.rawValue)),
            AuditField(
                "headgate.policy.sinks", .list(settings.sinks.map { .text($0.kind.rawValue) })),
        ]
    }

    /// The new key is in force and on disk: the one before is not needed any more, and the lists name the new one.
    func handedOver() {
        guard health == .well, let segment, segment.size > 0 else { return }
        for path in [options.stateDirectory + "/" + SegmentName.keys, directory + "/" + SegmentName.keys] {
            do throws(FileError) {
                let from = segment.first == 1 ? 1 : segment.first
                if let previousKey { try AuditKeys.publish(previousKey.publicKey, from: 1, in: path, files) }
                try AuditKeys.publish(key.publicKey, from: from, in: path, files)
            } catch {
                notice(AuditNotice(level: .warning, text: "\(error): the list of public keys is not up to date"))
            }
        }
        guard previousKey != nil else { return }
        previousKey = nil
        try? files.remove(options.keyFile + ".previous")
        notice(AuditNotice(level: .info, text: "checkpoints are signed with the key \(key.publicKey.id) from now on"))
    }

    /// HUP, or `audit rotate-key`: whether there is another key, which then begins a segment.
    func renewKey() {
        guard let loaded = try? AuditKeys.load(options.keyFile, files), loaded.key.publicKey.id != key.publicKey.id
        else {
            return
        }
        let old = key
        key = loaded.key
        previousKey = old
        status.key.withLock { $0 = key.publicKey.id }
    }

    /// The last records, and the end of the segment.
    func end() {
        let now = UnixTime.monotonic()
        if case .ill = health { recover(now) }
        guard health == .well else { return close() }
        for _ in 0..<10_000 where drain() { commit(now) }
        reportLosses()
        note(AuditEvent(.auditStop, mode: .strict, policy))
        note(
            AuditEvent(.lifecycle, mode: .strict, [AuditField("headgate.lifecycle.phase", .text("stop"))]))
        commit(now)
        guard health == .well else { return close() }
        finishSegment(now)
        close()
    }
}
