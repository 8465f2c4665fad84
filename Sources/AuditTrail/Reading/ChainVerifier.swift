import ByteKit
import Credentials

/// Something the verifier has found.
public struct AuditFinding: Sendable, Equatable {
    /// The first sequence number that cannot be relied on.
    public var sequence: UInt64
    /// The file it is in, or would be in.
    public var file: String
    /// For machines: `altered`, `missing`, `repeated`, `signature`, `unsigned`, `key`, `stream`, `name`, `malformed`,
    /// `truncated`, `anchor`, `clock`.
    public var kind: String
    /// For people.
    public var text: String
}

/// What `headgate audit verify` answers.
public struct AuditReport: Sendable {
    /// What is broken, in the order of the trail; the first one names the first broken record.
    public internal(set) var broken: [AuditFinding] = []
    /// What is odd, and may have an innocent cause.
    public internal(set) var warnings: [AuditFinding] = []
    public internal(set) var segments = 0
    public internal(set) var records: UInt64 = 0
    public internal(set) var firstSequence: UInt64?
    public internal(set) var lastSequence: UInt64 = 0
    /// Up to where a good signature covers the trail; records behind it are chained only.
    public internal(set) var signedSequence: UInt64 = 0
    public internal(set) var checkpoints = 0
    /// Ids of the keys that signed.
    public internal(set) var keys: [String] = []
    public internal(set) var stream = ""
    /// Records the trail itself says are missing (`audit.gap`).
    public internal(set) var gaps = 0
    public internal(set) var lostRecords: UInt64 = 0

    /// Whether nothing is broken.
    public var isGood: Bool { broken.isEmpty }
}

/// Follows a chain record by record. Reads any bytes; what it is told is never believed before it is checked.
struct ChainVerifier {
    private(set) var report = AuditReport()
    /// Keys the caller trusts. Empty: the first header's key is taken for good.
    private let trusted: [AuditKeys.Trusted]
    private var state: ChainState?
    private var key: VerifyingKey?
    private var file = ""
    private var expectedFirst: UInt64?
    private var sinceCheckpoint: UInt64 = 0
    private var saidUnsigned = false
    private var clock: UInt64 = 0
    private var atHeader = false
    /// After the first break of a kind that makes everything behind it fail too, only what is new is told.
    private static let mostFindings = 100

    /// More than this many records without a checkpoint were not written by us: one comes every 1,000, and with what a
    /// failed write may leave without.
    static let mostUnsigned: UInt64 = 4000

    init(trusted: [AuditKeys.Trusted]) { self.trusted = trusted }

    private mutating func broke(_ sequence: UInt64, _ kind: String, _ text: String) {
        guard report.broken.count < Self.mostFindings else { return }
        report.broken.append(AuditFinding(sequence: sequence, file: file, kind: kind, text: text))
    }

    private mutating func warn(_ sequence: UInt64, _ kind: String, _ text: String) {
        guard report.warnings.count < Self.mostFindings else { return }
        report.warnings.append(AuditFinding(sequence: sequence, file: file, kind: kind, text: text))
    }

    private var next: UInt64 { (state?.sequence ?? 0) &+ 1 }

    /// A file begins.
    mutating func begin(_ name: String) {
        file = name
        report.segments += 1
        expectedFirst = SegmentName.first(name)
        atHeader = true
    }

    /// The next line, without its newline.
    mutating func line(_ bytes: [UInt8]) {
        let seal = bytes.withSpan { RecordSeal($0) }
        guard let seal else {
            broke(next, "malformed", "a line that is no record stands where record \(next) is expected")
            return
        }
        if atHeader {
            atHeader = false
            if let expectedFirst, seal.sequence != expectedFirst {
                broke(
                    min(seal.sequence, expectedFirst), "name",
                    "\(file) begins with record \(seal.sequence), not with \(expectedFirst) as its name says")
            }
        }
        follow(bytes, seal)
        inspect(bytes, seal)
    }

    private mutating func follow(_ bytes: [UInt8], _ seal: RecordSeal) {
        report.records += 1
        if report.firstSequence == nil { report.firstSequence = seal.sequence }
        let isSound = bytes.withSpan { seal.isHash(of: $0, behind: seal.previous) }
        if !isSound {
            broke(
                min(seal.sequence, state == nil ? seal.sequence : next), "altered",
                "record \(seal.sequence) was altered: its hash is not that of its content")
        } else if let state {
            if seal.sequence == next, seal.previous == state.hash {
                // As it must be.
            } else if seal.sequence > next {
                let last = seal.sequence &- 1
                broke(
                    next, "missing",
                    next == last ? "record \(next) is missing" : "records \(next) to \(last) are missing")
            } else if seal.sequence < next {
                broke(
                    seal.sequence, "repeated",
                    "record \(seal.sequence) stands behind record \(state.sequence): repeated, moved or from another time"
                )
            } else {
                broke(
                    seal.sequence, "altered",
                    "record \(seal.sequence) is not chained to record \(state.sequence) as it is here: one of them was replaced"
                )
            }
        } else if seal.sequence == 1, seal.previous != ChainHash() {
            broke(1, "altered", "the first record is chained to something before it")
        }
        state = ChainState(sequence: seal.sequence, hash: seal.hash)
        report.lastSequence = max(report.lastSequence, seal.sequence)
        sinceCheckpoint &+= 1
        if sinceCheckpoint > Self.mostUnsigned, !saidUnsigned {
            saidUnsigned = true
            broke(
                report.signedSequence &+ 1, "unsigned",
                "no checkpoint since record \(report.signedSequence), where there must be one every 1,000 records")
        }
    }

    private static let ownActions: [[UInt8]] = [
        "audit.segment.start", "audit.segment.end", "audit.checkpoint", "audit.key_rotated", "audit.gap",
    ].map { Array(#""action":"\#($0)""#.utf8) }

    /// What the trail says of itself.
    private mutating func inspect(_ bytes: [UInt8], _ seal: RecordSeal) {
        // The action stands near the end, in what the trail writes itself.
        let tail = bytes.suffix(700)
        guard Self.ownActions.contains(where: { tail.firstRange(of: $0) != nil }) else { return }
        guard let value = bytes.withSpan({ JSONValue($0) }), let action = value["event.action"]?.text else { return }
        let stream = value["headgate.stream.id"]?.text ?? ""
        if report.stream.isEmpty { report.stream = stream }
        if stream != report.stream {
            broke(seal.sequence, "stream", "record \(seal.sequence) is of stream \(stream), not of \(report.stream)")
        }
        switch action {
        case "audit.segment.start": header(value, seal)
        case "audit.checkpoint": checkpoint(value, seal)
        case "audit.key_rotated": rotation(value, seal)
        case "audit.gap":
            report.gaps += 1
            report.lostRecords &+= value["headgate.gap.count"]?.number ?? 0
        default: break
        }
    }

    private func raw(_ value: JSONValue?) -> VerifyingKey? {
        guard let text = value?.text, let bytes = Base64.decode(Array(text.utf8)) else { return nil }
        return VerifyingKey(raw: bytes)
    }

    private mutating func header(_ value: JSONValue, _ seal: RecordSeal) {
        guard let stated = raw(value["headgate.segment.public_key"]) else {
            return broke(seal.sequence, "key", "the header of \(file) names no key")
        }
        guard let key else { return begin(stated, seal.sequence) }
        if stated.id != key.id {
            // A key that never got its hand-over from the one before, as when the key file was replaced.
            if trusted.contains(where: { $0.key.raw == stated.raw && $0.from <= seal.sequence }) {
                warn(
                    seal.sequence, "key",
                    "the key \(stated.id) is in force from here on without a hand-over by \(key.id)")
                self.key = stated
            } else {
                broke(
                    seal.sequence, "key",
                    "\(file) names the key \(stated.id), but \(key.id) was in force and has not handed over to it")
            }
        }
    }

    /// The key the trail begins with.
    private mutating func begin(_ stated: VerifyingKey, _ sequence: UInt64) {
        key = stated
        guard !trusted.isEmpty else { return }
        guard let known = trusted.first(where: { $0.key.raw == stated.raw }) else {
            broke(sequence, "key", "the trail begins with the key \(stated.id), which is not among the trusted ones")
            key = trusted.last { $0.from <= sequence }?.key ?? trusted[0].key
            return
        }
        // Signed with a key that came later: somebody has written the past again.
        if known.from > sequence {
            broke(
                sequence, "key",
                "the trail begins with the key \(stated.id), which counts only from record \(known.from) on")
            key = trusted.last { $0.from <= sequence }?.key ?? stated
        }
    }

    private mutating func rotation(_ value: JSONValue, _ seal: RecordSeal) {
        guard let fresh = raw(value["headgate.key.new_public_key"]), let old = key,
            let size = value["headgate.key.size"]?.number,
            let text = value["headgate.key.signature"]?.text, let signature = Base64.decode(Array(text.utf8)),
            size == seal.sequence &- 1,
            old.isSignature(
                signature, of: CheckpointNote.handOver(stream: report.stream, size: size, to: fresh))
        else {
            return broke(
                seal.sequence, "key", "record \(seal.sequence) changes the key, and the key before has not signed that")
        }
        key = fresh
    }

    private mutating func checkpoint(_ value: JSONValue, _ seal: RecordSeal) {
        let fields = value["headgate.checkpoint"]
        func fail(_ kind: String, _ why: String) {
            // What broke before has a place of its own, and no checkpoint behind it can be right.
            guard report.broken.isEmpty else { return }
            let first = report.signedSequence &+ 1
            broke(
                max(first, report.firstSequence ?? first), kind,
                "the checkpoint in record \(seal.sequence) \(why): what is behind record \(report.signedSequence) cannot be relied on"
            )
        }
        guard let size = fields?["size"]?.number, let rootText = fields?["root"]?.text,
            let rootBytes = Base64.decode(Array(rootText.utf8)), let root = rootBytes.withSpan({ ChainHash($0) }),
            let time = fields?["time"]?.number, let keyID = fields?["key_id"]?.text,
            let signatureText = fields?["signature"]?.text,
            let signature = Base64.decode(Array(signatureText.utf8))
        else { return fail("signature", "is incomplete") }
        sinceCheckpoint = 0
        guard let key else {
            // The files begin in the middle: nothing to check with before the first header.
            return fail("key", "stands before any key")
        }
        guard keyID == key.id else {
            return fail("key", "is signed with the key \(keyID), but \(key.id) is in force")
        }
        guard size == seal.sequence &- 1, root == seal.previous else {
            return fail("signature", "does not fit the record before it")
        }
        let note = CheckpointNote.text(
            stream: report.stream, size: size, root: root, milliseconds: time, keyID: keyID)
        guard key.isSignature(signature, of: note) else {
            return fail("signature", "has a signature that is not right")
        }
        if time &+ 1000 < clock {
            warn(
                seal.sequence, "clock",
                "the clock went back by \((clock &- time) / 1000) s before record \(seal.sequence)")
        }
        clock = max(clock, time)
        // A signature over what was broken before it changes nothing about that.
        if report.broken.isEmpty { report.signedSequence = size }
        report.checkpoints += 1
        if !report.keys.contains(keyID) { report.keys.append(keyID) }
    }

    /// Bytes behind the last whole line of a file.
    mutating func tail(_ count: Int, isLast: Bool, isLive: Bool) {
        guard count > 0 else { return }
        if isLast && isLive {
            warn(next, "truncated", "record \(next) is just being written")
        } else {
            broke(next, "truncated", "\(file) ends within record \(next)")
        }
    }

    /// Checkpoints that were kept elsewhere, as lines of records.
    mutating func compare(anchors: [Anchor]) {
        for anchor in anchors {
            if anchor.size > report.lastSequence {
                broke(
                    report.lastSequence &+ 1, "anchor",
                    "the anchor has record \(anchor.size), and the trail ends with \(report.lastSequence)")
            }
        }
    }

    mutating func finish() {
        report.broken.sort { $0.sequence < $1.sequence }
    }

    /// A checkpoint from outside: the trail had this hash at this length.
    struct Anchor {
        var size: UInt64
        var root: ChainHash
    }
    private var anchors: [UInt64: ChainHash] = [:]

    /// Anchors to be compared with on the way.
    mutating func expect(_ anchors: [Anchor]) { for anchor in anchors { self.anchors[anchor.size] = anchor.root } }

    private mutating func compareAnchor() {
        guard let state, let root = anchors[state.sequence], root != state.hash else { return }
        broke(state.sequence, "anchor", "record \(state.sequence) is not the one the anchor was made of")
    }

    mutating func next(_ bytes: [UInt8]) {
        line(bytes)
        if !anchors.isEmpty { compareAnchor() }
    }
}
