import ByteKit

/// A definition as it crosses the ring: pieces of JSON that records copy. Every piece that is not empty begins with the
/// comma before it, unless its comment says otherwise.
///
///     slot u32 | number of pieces u32 | length u32 of each | the pieces
struct FragmentWriter: ~Copyable {
    private(set) var line = LineBuffer(capacity: 1024)
    private var ends: [Int] = []

    mutating func piece(_ body: (inout LineBuffer) -> Void) {
        body(&line)
        ends.append(line.count)
    }

    /// The payload of the frame.
    consuming func finish(slot: UInt32) -> [UInt8] {
        var out = LineBuffer(capacity: line.count &+ 64)
        out.word(slot)
        out.word(UInt32(truncatingIfNeeded: ends.count))
        var start = 0
        for end in ends {
            out.word(UInt32(truncatingIfNeeded: end &- start))
            start = end
        }
        line.withSpan { out.span($0) }
        return out.array()
    }
}

extension LineBuffer {
    /// A 32-bit integer, the lowest byte first.
    mutating func word(_ value: UInt32) {
        for shift in [UInt32(0), 8, 16, 24] { byte(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// `,"name":"text"` unless the text is empty.
    mutating func optional(_ name: String, _ text: String) {
        guard !text.isEmpty else { return }
        byte(0x2C)
        member(name, text: text)
    }
}

/// The pieces of a session.
enum SessionPiece: Int {
    /// What every record says of it; ends inside `source`, which a statement adds its bytes to.
    case brief
    /// What only records other than statements say besides, `destination` among it.
    case more
    /// The first members of `db`: without the comma before them.
    case db
    /// Members of `headgate`; ends inside `session`.
    case headgate
    /// Members of `headgate` of records other than statements.
    case headgateMore

    static func render(_ info: AuditSession) -> FragmentWriter {
        var out = FragmentWriter()
        out.piece { brief(info, &$0) }
        out.piece { more(info, &$0) }
        out.piece { line in
            line.literal(#""system":{"name":"#)
            line.quoted(info.system)
            line.byte(0x7D)
            line.optional("namespace", info.database)
        }
        out.piece { line in
            if !info.applicationName.isEmpty {
                line.literal(#","client":{"#)
                line.member("application_name", text: info.applicationName)
                line.byte(0x7D)
            }
            line.literal(#","session":{"id":"#)
            line.quoted(info.id)
            if info.connectionID > 0 {
                line.byte(0x2C)
                line.member("client_conn_id", number: info.connectionID)
            }
        }
        out.piece { line in
            if !info.authMethod.isEmpty {
                line.literal(#","auth":{"method":"#)
                line.quoted(info.authMethod)
                line.byte(0x7D)
            }
            if !info.via.isEmpty {
                line.literal(#","source":{"via":"#)
                line.value(.list(info.via.map { .text($0) }))
                line.byte(0x7D)
            }
        }
        return out
    }

    private static func brief(_ info: AuditSession, _ line: inout LineBuffer) {
        line.literal(#","user":{"#)
        line.member("name", text: info.user)
        if let effective = info.effectiveUser {
            line.literal(#","effective":{"#)
            line.member("name", text: effective)
            line.byte(0x7D)
        }
        line.byte(0x7D)
        line.literal(#","service":{"#)
        line.member("name", text: info.app)
        line.byte(0x7D)
        if let version = info.tlsVersion {
            line.literal(#","tls":{"established":true,"version":"#)
            line.quoted(version)
            line.optional("cipher", info.tlsCipher)
            if !info.tlsSubject.isEmpty || !info.tlsCertificateHash.isEmpty {
                line.literal(#","client":{"subject":"#)
                line.quoted(info.tlsSubject)
                if !info.tlsCertificateHash.isEmpty {
                    line.literal(#","hash":{"sha256":"#)
                    line.quoted(info.tlsCertificateHash)
                    line.byte(0x7D)
                }
                line.byte(0x7D)
            }
            line.byte(0x7D)
        }
        line.literal(#","source":{"#)
        if info.address.isEmpty {
            line.literal(#""address":"unix""#)
        } else {
            line.literal(#""ip":"#)
            line.quoted(info.address)
            line.byte(0x2C)
            line.member("port", number: UInt64(info.port))
        }
    }

    private static func more(_ info: AuditSession, _ line: inout LineBuffer) {
        line.literal(#","network":{"protocol":"#)
        line.quoted(info.system == "postgresql" ? "postgresql" : "mysql")
        line.literal(info.listenerPort == 0 ? #","transport":"unix"}"# : #","transport":"tcp"}"#)
        if info.listenerPort > 0 {
            line.literal(#","destination":{"port":"#)
            line.decimal(UInt64(info.listenerPort))
            line.byte(0x7D)
        }
        if !info.driver.isEmpty {
            line.literal(#","user_agent":{"#)
            line.member("original", text: info.driver)
            line.byte(0x7D)
        }
    }
}

/// The pieces of a shape.
enum ShapePiece: Int {
    /// Members of `db`.
    case db
    /// Members of `headgate.statement`.
    case statement
    /// Members of `headgate`.
    case headgate
    /// Members of `event`.
    case event

    static let mostObjects = 64

    static func render(_ shape: AuditShape) -> FragmentWriter {
        var out = FragmentWriter()
        out.piece { line in
            if !shape.operation.isEmpty {
                line.literal(#","operation":{"#)
                line.member("name", text: shape.operation)
                line.byte(0x7D)
            }
            if shape.summary.isEmpty && shape.text == nil { return }
            line.literal(#","query":{"#)
            if !shape.summary.isEmpty {
                line.member("summary", text: String(decoding: Array(shape.summary.utf8.prefix(255)), as: UTF8.self))
            }
            if let text = shape.text {
                if !shape.summary.isEmpty { line.byte(0x2C) }
                text.withSpan { line.member("text", text: $0) }
            }
            line.byte(0x7D)
        }
        out.piece { line in
            line.literal(#","fingerprint":""#)
            line.hexadecimal(shape.fingerprint, digits: 16)
            line.byte(0x22)
            if let digest = shape.cutDigest {
                line.literal(#","truncated":true,"sha256":""#)
                line.bytes(Hex.encode(digest))
                line.byte(0x22)
            }
            if shape.redactions > 0 {
                line.literal(#","redactions":"#)
                line.decimal(UInt64(shape.redactions))
            }
        }
        out.piece { objects(shape.objects, &$0) }
        out.piece { line in
            line.byte(0x2C)
            line.literal(category(shape.statementClass, operation: shape.operation))
        }
        return out
    }

    private static func objects(_ objects: [AuditObject], _ line: inout LineBuffer) {
        guard !objects.isEmpty else { return }
        line.literal(#","objects":["#)
        for (index, object) in objects.prefix(mostObjects).enumerated() {
            if index > 0 { line.byte(0x2C) }
            line.literal("{")
            line.member("type", text: object.type)
            line.optional("schema", object.schema)
            line.byte(0x2C)
            line.member("name", text: object.name)
            line.optional("access", object.access)
            line.byte(0x7D)
        }
        line.byte(0x5D)
        if objects.count > mostObjects { line.literal(#","objects_truncated":true"#) }
    }

    /// `event.category` and `event.type`.
    static func category(_ statementClass: StatementClass, operation: String) -> StaticString {
        switch statementClass {
        case .read: #""category":["database"],"type":["access"]"#
        case .write: #""category":["database"],"type":["change"]"#
        case .ddl:
            operation.hasPrefix("CREATE")
                ? #""category":["database"],"type":["creation"]"#
                : operation.hasPrefix("DROP")
                    ? #""category":["database"],"type":["deletion"]"#
                    : #""category":["database"],"type":["change"]"#
        case .role: #""category":["iam","database"],"type":["change","admin"]"#
        case .function: #""category":["database"],"type":["access","change"]"#
        case .copy: #""category":["database"],"type":["access"]"#
        case .admin: #""category":["configuration"],"type":["admin","access"]"#
        case .miscSet: #""category":["database"],"type":["info","change"]"#
        case .tcl, .misc, .unknown: #""category":["database"],"type":["info"]"#
        }
    }
}

/// The pieces of a backend.
enum BackendPiece: Int {
    /// `server`.
    case server
    /// Members of `headgate`; ends inside `route`, before its last member.
    case route

    static func render(_ backend: AuditBackend) -> FragmentWriter {
        var out = FragmentWriter()
        out.piece { line in
            line.literal(#","server":{"#)
            line.member("address", text: backend.address)
            if backend.port > 0 {
                line.byte(0x2C)
                line.member("port", number: UInt64(backend.port))
            }
            line.byte(0x7D)
        }
        out.piece { line in
            line.literal(#","route":{"#)
            if !backend.role.isEmpty {
                line.member("target", text: backend.role)
                line.byte(0x2C)
            }
            if !backend.cluster.isEmpty {
                line.member("cluster", text: backend.cluster)
                line.byte(0x2C)
            }
        }
        return out
    }
}

/// An event as it crosses the ring.
///
///     kind u8 | outcome u8 | reason u8 | severity u8 (255: the kind's) | session u32 (.max: none) | time u64 |
///     duration u64 | lengths u32 of three pieces, one unused | pieces: outer, db (without its first comma), headgate
enum EventPayload {
    static let headSize = 40

    /// What a session says itself.
    private static let owned: Set<String> = [
        "source", "destination", "network", "user", "service", "tls", "user_agent", "event", "@timestamp",
    ]

    static func render(_ event: AuditEvent) -> [UInt8] {
        var tree = FieldTree()
        for field in event.detail { tree.insert(field) }
        var headgate = tree.take("headgate") ?? FieldTree()
        let db = tree.take("db") ?? FieldTree()
        for name in tree.names where event.session != nil ? owned.contains(name) : reserved.contains(name) {
            if let moved = tree.take(name) { headgate.put("detail", nesting: name, moved) }
        }
        let taken = event.session == nil ? written : written.union(ownedOfHeadgate)
        for name in headgate.names where taken.contains(name) {
            if let moved = headgate.take(name) { headgate.put("detail", nesting: name, moved) }
        }
        if event.session != nil, !db.isEmpty { headgate.put("detail", nesting: "db", db) }
        var pieces = LineBuffer(capacity: 1024)
        func piece(_ tree: FieldTree, comma: Bool) -> UInt32 {
            let start = pieces.count
            if tree.isEmpty { return 0 }
            if comma { pieces.byte(0x2C) }
            tree.render(into: &pieces)
            return UInt32(truncatingIfNeeded: pieces.count &- start)
        }
        let lengths = [
            piece(tree, comma: true), event.session == nil ? piece(db, comma: false) : 0, piece(headgate, comma: true),
            0,
        ]
        var out = LineBuffer(capacity: pieces.count &+ headSize)
        for byte in [event.kind.rawValue, event.outcome.rawValue, event.reason.rawValue, event.severity ?? 255] {
            out.byte(byte)
        }
        out.word(event.session ?? .max)
        for value in [event.time, event.duration] {
            out.word(UInt32(truncatingIfNeeded: value))
            out.word(UInt32(truncatingIfNeeded: value >> 32))
        }
        for length in lengths { out.word(length) }
        pieces.withSpan { out.span($0) }
        return out.array()
    }

    private static let reserved: Set<String> = ["event", "@timestamp"]
    /// What every record has below `headgate`, and what a session says there.
    private static let written: Set<String> = ["schema_version", "stream", "boot_id", "chain", "outcome"]
    private static let ownedOfHeadgate: Set<String> = ["session", "client", "auth", "source"]
}

extension FieldTree {
    /// Puts `tree` in as `name.inner`.
    mutating func put(_ name: String, nesting inner: String, _ tree: FieldTree) {
        var outer = take(name) ?? FieldTree()
        outer.put(inner, tree)
        put(name, outer)
    }
}
