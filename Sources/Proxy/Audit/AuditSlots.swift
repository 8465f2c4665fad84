import AuditTrail
import ByteKit
import Credentials
import SQLText
import Settings

/// The numbers under which a worker's producer knows shapes of statements and servers. A shape keeps its number as long as
/// the table is not full; then all are given anew.
struct AuditSlots {
    private var epoch: UInt32 = 1
    private var nextShape: UInt32 = 0
    private var backends: [String: UInt32] = [:]

    static let mostShapes: UInt32 = 16_384
    static let mostBackends = 4096

    /// The number of a part of a shape.
    mutating func shape(
        _ shape: StatementShape, _ index: Int, _ policy: AuditPolicy, _ producer: AuditProducer
    ) -> UInt32 {
        let part = shape.part(index)
        if shape.slotsEpoch == epoch, shape.slots[part] != .max { return shape.slots[part] }
        return define(shape, part, policy, producer)
    }

    private mutating func define(
        _ shape: StatementShape, _ part: Int, _ policy: AuditPolicy, _ producer: AuditProducer
    ) -> UInt32 {
        if nextShape == Self.mostShapes {
            nextShape = 0
            epoch &+= 1
        }
        if shape.slotsEpoch != epoch {
            for index in shape.slots.indices { shape.slots[index] = .max }
            shape.slotsEpoch = epoch
        }
        let slot = nextShape
        nextShape &+= 1
        shape.slots[part] = slot
        producer.define(shape: slot, describe(shape, shape.parts[part], shape.parts[part].text, policy))
        return slot
    }

    /// A number for one statement alone, whose own text is recorded.
    mutating func single(
        _ shape: StatementShape, _ index: Int, _ text: RawSQL, _ policy: AuditPolicy, _ producer: AuditProducer
    ) -> UInt32 {
        let part = shape.parts[shape.part(index)]
        let shown = shape.isWithheld ? part.text : Redactor.withoutSecrets(text, of: part)
        producer.define(shape: Self.mostShapes, describe(shape, part, shown, policy))
        return Self.mostShapes
    }

    /// All shapes are described anew, since the policy has changed.
    mutating func forget() {
        nextShape = 0
        epoch &+= 1
    }

    private func describe(
        _ shape: StatementShape, _ part: StatementShape.Part, _ text: [UInt8], _ policy: AuditPolicy
    ) -> AuditShape {
        var made = AuditShape(statementClass: part.statementClass, fingerprint: shape.fingerprint)
        made.operation = part.operation
        made.summary = ([part.operation] + part.tables.prefix(8)).joined(separator: " ")
        let access =
            switch part.statementClass {
            case .ddl, .role: "ddl"
            case .read, .copy: "read"
            case .write: "write"
            case .tcl, .function, .misc, .miscSet, .admin, .unknown: ""
            }
        made.objects = part.tables.map { name in
            guard let dot = name.lastIndex(of: ".") else {
                return AuditObject(type: "table", name: name, access: access)
            }
            return AuditObject(
                type: "table", schema: String(name[..<dot]), name: String(name[name.index(after: dot)...]),
                access: access)
        }
        switch policy.text {
        case .none: break
        case .normalized:
            made.text = shape.isWithheld ? text : text.withSpan { Fingerprint.normalized($0) }
        case .redacted, .raw: made.text = text
        }
        if let whole = made.text, whole.count > policy.textLimit {
            made.text = Array(whole.prefix(policy.textLimit))
            made.cutDigest = whole.withSpan { SHA256Value(of: $0).bytes }
        }
        made.redactions = UInt32(clamping: text.count { $0 == UInt8(ascii: "?") })
        return made
    }

    /// The number of a server's address.
    mutating func backend(_ address: String, port: UInt16, cluster: String, _ producer: AuditProducer) -> UInt32 {
        let key = "\(cluster) \(address) \(port)"
        if let known = backends[key] { return known }
        if backends.count >= Self.mostBackends { backends.removeAll() }
        let slot = UInt32(backends.count)
        backends[key] = slot
        var backend = AuditBackend(address: address, port: port)
        backend.cluster = cluster
        producer.define(backend: slot, backend)
        return slot
    }
}
