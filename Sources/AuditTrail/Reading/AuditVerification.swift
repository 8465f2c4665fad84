import ByteKit
import Credentials

/// `headgate audit verify`.
public enum AuditVerification {
    /// Checks every segment of a directory. `publicKeys` and `anchor` are the contents of files; nil: not given.
    public static func run(
        _ directory: String, publicKeys: [UInt8]? = nil, anchor: [UInt8]? = nil
    ) -> Result<AuditReport, AuditProblem> {
        let files = FileSystem()
        var trusted: [AuditKeys.Trusted] = []
        if let publicKeys {
            trusted = AuditKeys.trusted(publicKeys)
            if trusted.isEmpty { return .failure(AuditProblem("there is no Ed25519 public key in PEM in that file")) }
        }
        var verifier = ChainVerifier(trusted: trusted)
        let anchors = anchor.map(Self.anchors) ?? []
        if anchor != nil, anchors.isEmpty {
            return .failure(AuditProblem("there is no audit.checkpoint record in the anchor"))
        }
        verifier.expect(anchors)
        do throws(FileError) {
            let firsts = try SegmentName.all(in: directory, files)
            guard !firsts.isEmpty else {
                return .failure(AuditProblem("there are no audit-*.ndjson files in \(directory)"))
            }
            let isLive = isBeingWritten(directory, files)
            for (index, first) in firsts.enumerated() {
                let isLast = index == firsts.count - 1
                let end = isLast ? nil : try superseded(directory, firsts[index + 1], files)
                try segment(directory, first, before: end, isLast: isLast, isLive: isLive, files, &verifier)
            }
        } catch { return .failure(AuditProblem("\(error)")) }
        verifier.compare(anchors: anchors)
        verifier.finish()
        return .success(verifier.report)
    }

    private static func segment(
        _ directory: String, _ first: UInt64, before end: UInt64?, isLast: Bool, isLive: Bool, _ files: FileSystem,
        _ verifier: inout ChainVerifier
    ) throws(FileError) {
        let name = SegmentName.name(first)
        verifier.begin(name)
        var reader = try LineReader(directory + "/" + name, files)
        while let line = try reader.next() {
            if let end, let seal = line.withSpan({ RecordSeal($0) }), seal.sequence >= end { return }
            verifier.next(line)
        }
        if end == nil { verifier.tail(reader.rest, isLast: isLast, isLive: isLive) }
    }

    /// Where the next segment was begun because this one could not be written, its records from there on are in the
    /// next one: from which sequence.
    private static func superseded(
        _ directory: String, _ next: UInt64, _ files: FileSystem
    ) throws(FileError) -> UInt64? {
        var reader = try LineReader(directory + "/" + SegmentName.name(next), files)
        guard let line = try reader.next(), let seal = line.withSpan({ RecordSeal($0) }), seal.sequence == next,
            line.withSpan({ seal.isHash(of: $0, behind: seal.previous) }),
            let value = line.withSpan({ JSONValue($0) }),
            value["headgate.segment.after_failure_of"] != nil
        else { return nil }
        return next
    }

    /// Whether a proxy writes to the directory.
    private static func isBeingWritten(_ directory: String, _ files: FileSystem) -> Bool {
        guard let fd = try? files.open(directory + "/" + SegmentName.lock, .read) else { return false }
        defer { files.close(fd) }
        return !files.lock(fd)
    }

    /// The checkpoints among lines of any kind: records, or syslog messages around them.
    private static func anchors(_ bytes: [UInt8]) -> [ChainVerifier.Anchor] {
        var found: [ChainVerifier.Anchor] = []
        for line in bytes.split(separator: 0x0A) {
            guard let brace = line.firstIndex(of: 0x7B), let value = Array(line[brace...]).withSpan({ JSONValue($0) }),
                let size = value["headgate.checkpoint.size"]?.number,
                let text = value["headgate.checkpoint.root"]?.text, let raw = Base64.decode(Array(text.utf8)),
                let root = raw.withSpan({ ChainHash($0) })
            else { continue }
            found.append(ChainVerifier.Anchor(size: size, root: root))
        }
        return found
    }
}

extension AuditReport {
    /// As JSON, for machines.
    public var json: String {
        func findings(_ all: [AuditFinding]) -> AuditValue {
            .list(
                all.map {
                    .object([
                        AuditField("sequence", .unsigned($0.sequence)), AuditField("file", .text($0.file)),
                        AuditField("kind", .text($0.kind)), AuditField("text", .text($0.text)),
                    ])
                })
        }
        var fields = [
            AuditField("good", .flag(isGood)), AuditField("stream", .text(stream)),
            AuditField("segments", .number(Int64(segments))), AuditField("records", .unsigned(records)),
            AuditField("first_sequence", .unsigned(firstSequence ?? 0)),
            AuditField("last_sequence", .unsigned(lastSequence)),
            AuditField("signed_sequence", .unsigned(signedSequence)),
            AuditField("checkpoints", .number(Int64(checkpoints))),
            AuditField("keys", .list(keys.map { .text($0) })), AuditField("gaps", .number(Int64(gaps))),
            AuditField("lost_records", .unsigned(lostRecords)),
        ]
        if let first = broken.first { fields.append(AuditField("first_broken_sequence", .unsigned(first.sequence))) }
        fields.append(AuditField("broken", findings(broken)))
        fields.append(AuditField("warnings", findings(warnings)))
        var line = LineBuffer()
        line.value(.object(fields))
        return String(decoding: line.array(), as: UTF8.self)
    }

    /// For people; the first line says what came of it.
    public var text: String {
        var lines: [String] = []
        if let first = broken.first {
            lines.append("BROKEN at record \(first.sequence) (\(first.file)): \(first.text)")
            lines += broken.dropFirst().map { "  also at record \($0.sequence) (\($0.file)): \($0.text)" }
        } else {
            lines.append("good: records \(firstSequence ?? 0) to \(lastSequence) are whole and in order")
        }
        lines += warnings.map { "warning: record \($0.sequence) (\($0.file)): \($0.text)" }
        lines.append("stream \(stream), \(segments) segments, \(records) records, \(checkpoints) checkpoints")
        lines.append(
            "signed up to record \(signedSequence) by \(keys.isEmpty ? "nobody" : keys.joined(separator: ", "))"
                + (lastSequence > signedSequence && isGood
                    ? "; the \(lastSequence - signedSequence) behind it are chained only" : ""))
        if gaps > 0 { lines.append("\(gaps) gaps, in which the trail itself counts \(lostRecords) lost records") }
        return lines.joined(separator: "\n")
    }
}
