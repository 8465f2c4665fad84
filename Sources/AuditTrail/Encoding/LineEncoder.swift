import ByteKit
import Credentials

typealias ChainHash = SHA256Value

/// What one producer has defined.
final class ProducerTables {
    let sessions = SlotTable()
    let shapes = SlotTable()
    let backends = SlotTable()

    /// Takes a definition over; false for a frame that is none.
    func apply(_ type: FrameType, _ payload: UnsafeRawBufferPointer) -> Bool {
        switch type {
        case .session: unsafe sessions.define(payload)
        case .endSession: unsafe sessions.end(payload)
        case .shape: unsafe shapes.define(payload)
        case .backend: unsafe backends.define(payload)
        case .skip, .statement, .event: return false
        }
        return true
    }
}

/// Where the parts of a line lie that depend on its place in the chain.
struct LineMarks {
    /// The 64 digits of the hash before.
    var previous = 0
    /// The sequence number, which ends the hashed part.
    var sequence = 0
}

/// Makes lines of records, all but what depends on the place in the chain: that `Chain` fills in.
///
///     {"@timestamp":…,<who>,"server":…,"db":{…},"headgate":{…,"chain":{"prev":"sha256:<64 digits>"}},
///      "event":{…,"id":"<uuid>","sequence":
struct LineEncoder {
    /// `"headgate":{"schema_version":…,"stream":…` as every record begins it.
    private let headgate: [UInt8]
    private var clock = TimeText()
    private var identifiers: RecordIdentifiers

    init(stream: String, bootID: String, identifiers: RecordIdentifiers = RecordIdentifiers()) {
        var head = LineBuffer(capacity: 256)
        head.literal(#","headgate":{"schema_version":"1.0","stream":{"id":"#)
        head.quoted(stream)
        head.literal(#"},"boot_id":"#)
        head.quoted(bootID)
        headgate = head.array()
        self.identifiers = identifiers
    }

    private mutating func begin(_ time: UInt64, _ line: inout LineBuffer) {
        line.literal(#"{"@timestamp":""#)
        clock.append(time, to: &line)
        line.byte(0x22)
    }

    private mutating func end(_ time: UInt64, _ line: inout LineBuffer) -> Int {
        line.literal(#","dataset":"headgate.audit","id":""#)
        identifiers.append(time, to: &line)
        line.literal(#"","sequence":"#)
        return line.count
    }

    private func chain(_ line: inout LineBuffer) -> Int {
        line.literal(#","chain":{"prev":"sha256:"#)
        let mark = line.count
        line.literal("0000000000000000000000000000000000000000000000000000000000000000")
        line.literal(#""}},"event":{"kind":"event","action":""#)
        return mark
    }

    /// A statement.
    mutating func statement(
        _ record: AuditStatement, error: UnsafeRawBufferPointer, parameters: UnsafeRawBufferPointer,
        _ tables: ProducerTables, into line: inout LineBuffer
    ) -> LineMarks {
        var marks = LineMarks()
        begin(record.startedAt, &line)
        who(record, tables, &line)
        let hasBackend = record.backend != .max
        if hasBackend { tables.backends.append(record.backend, piece: BackendPiece.server.rawValue, to: &line) }
        line.literal(#","db":{"#)
        if tables.sessions.has(record.session) {
            tables.sessions.append(record.session, piece: SessionPiece.db.rawValue, to: &line)
        } else {
            line.literal(#""system":{"name":"other_sql"}"#)
        }
        tables.shapes.append(record.shape, piece: ShapePiece.db.rawValue, to: &line)
        if record.phase == .complete { response(record, &line) }
        line.byte(0x7D)
        if error.count > 0 {
            line.literal(#","error":{"#)
            unsafe line.member("message", text: error.bytes)
            line.byte(0x7D)
        }
        if record.traceID.high | record.traceID.low != 0 {
            line.literal(#","trace":{"id":""#)
            line.hexadecimal(record.traceID.high, digits: 16)
            line.hexadecimal(record.traceID.low, digits: 16)
            line.literal(#""},"span":{"id":""#)
            line.hexadecimal(record.spanID, digits: 16)
            line.literal(#""}"#)
        }
        line.bytes(headgate)
        if tables.sessions.has(record.session) {
            tables.sessions.append(record.session, piece: SessionPiece.headgate.rawValue, to: &line)
            if record.serverPID != 0 {
                line.literal(#","server_pid":"#)
                line.decimal(UInt64(record.serverPID))
            }
            line.byte(0x7D)
        }
        statement(record, tables, &line)
        if hasBackend {
            tables.backends.append(record.backend, piece: BackendPiece.route.rawValue, to: &line)
            line.literal(#""wait":"#)
            line.number(record.waited)
            line.byte(0x7D)
        }
        if parameters.count > 0 {
            line.literal(#","parameters":["#)
            if let from = parameters.baseAddress { unsafe line.copy(from, parameters.count) }
            line.byte(0x5D)
        }
        if record.outcome != .success && record.outcome != .failure {
            line.literal(#","outcome":""#)
            line.literal(record.outcome.name)
            line.byte(0x22)
        }
        marks.previous = chain(&line)
        line.literal(#"statement","#)
        category(record, tables, &line)
        line.literal(#","outcome":""#)
        line.literal(record.phase == .intent ? "unknown" : record.outcome.ecs)
        line.literal(#"","severity":"#)
        line.decimal(severity(record))
        if record.reason != .none {
            line.literal(#","reason":""#)
            line.literal(record.reason.name)
            line.byte(0x22)
        }
        if record.phase == .complete {
            line.literal(#","duration":"#)
            line.number(record.duration)
        }
        marks.sequence = end(record.startedAt, &line)
        return marks
    }

    private func who(_ record: AuditStatement, _ tables: ProducerTables, _ line: inout LineBuffer) {
        if tables.sessions.has(record.session) {
            tables.sessions.append(record.session, piece: SessionPiece.brief.rawValue, to: &line)
            line.literal(#","bytes":"#)
        } else {
            line.literal(#","source":{"bytes":"#)
        }
        line.number(record.bytesIn)
        line.literal(#"},"destination":{"bytes":"#)
        line.number(record.bytesOut)
        line.byte(0x7D)
    }

    private func response(_ record: AuditStatement, _ line: inout LineBuffer) {
        line.literal(#","response":{"status_code":""#)
        if record.errno != 0 {
            line.decimal(UInt64(record.errno))
        } else if record.status == 0 {
            line.literal(record.outcome == .success ? "00000" : "")
        } else {
            for shift in [UInt64(0), 8, 16, 24, 32] {
                let code = UInt8(truncatingIfNeeded: record.status >> shift)
                line.byte((0x30...0x39).contains(code) || (0x41...0x5A).contains(code) ? code : 0x5F)
            }
        }
        line.byte(0x22)
        if record.returnedRows != .max {
            line.literal(#","returned_rows":"#)
            line.number(record.returnedRows)
        }
        line.byte(0x7D)
    }

    /// `headgate.statement` and its neighbours.
    private func statement(_ record: AuditStatement, _ tables: ProducerTables, _ line: inout LineBuffer) {
        line.literal(#","statement":{"id":""#)
        line.hexadecimal(record.id, digits: 16)
        if record.parentID != 0 {
            line.literal(#"","parent_id":""#)
            line.hexadecimal(record.parentID, digits: 16)
        }
        line.literal(#"","class":""#)
        line.literal((record.serverClass ?? record.statementClass).name)
        line.byte(0x22)
        if record.serverClass != nil {
            line.literal(#","class_source":"server","class_by_text":""#)
            line.literal(record.statementClass.name)
            line.byte(0x22)
        }
        if record.phase == .intent { line.literal(#","phase":"intent""#) }
        if record.index != 0 {
            line.literal(#","index":"#)
            line.decimal(UInt64(record.index))
        }
        tables.shapes.append(record.shape, piece: ShapePiece.statement.rawValue, to: &line)
        line.literal(#","length":"#)
        line.number(record.textLength)
        line.literal(#","protocol":""#)
        line.literal(record.protocolPath.name)
        line.literal(#""}"#)
        tables.shapes.append(record.shape, piece: ShapePiece.headgate.rawValue, to: &line)
        if record.affectedRows != .max {
            line.literal(#","rows_affected":"#)
            line.number(record.affectedRows)
        }
        if record.transaction != 0 {
            line.literal(#","transaction":{"id":""#)
            line.hexadecimal(record.transaction, digits: 16)
            line.literal(#"","index":"#)
            line.decimal(UInt64(record.transactionIndex))
            line.byte(0x7D)
        }
    }

    private func category(_ record: AuditStatement, _ tables: ProducerTables, _ line: inout LineBuffer) {
        let statementClass = record.serverClass ?? record.statementClass
        if record.serverClass == nil, tables.shapes.has(record.shape) {
            // The action's comma was written; the piece brings its own.
            line.cut(to: line.count &- 1)
            tables.shapes.append(record.shape, piece: ShapePiece.event.rawValue, to: &line)
        } else {
            line.literal(ShapePiece.category(statementClass, operation: ""))
        }
    }

    /// ECS leaves the scale to the product: 1 routine to 9 for what somebody must look at.
    private func severity(_ record: AuditStatement) -> UInt64 {
        let base: UInt64 =
            switch record.serverClass ?? record.statementClass {
            case .read, .tcl, .misc: 1
            case .write, .function, .miscSet, .copy: 2
            case .ddl, .admin: 4
            case .role, .unknown: 5
            }
        switch record.outcome {
        case .success, .skipped: return base
        case .failure, .timeout, .cancelled: return max(base, 3)
        case .denied, .unknown: return max(base, 5)
        }
    }

    /// An event of a producer, in the form `EventPayload` gave it; nil for what is none.
    mutating func event(
        _ payload: UnsafeRawBufferPointer, now: UInt64, _ tables: ProducerTables?, into line: inout LineBuffer
    ) -> LineMarks? {
        guard payload.count >= EventPayload.headSize,
            let kind = AuditEventKind(rawValue: unsafe payload[0]),
            let outcome = AuditOutcome(rawValue: unsafe payload[1]),
            let reason = AuditReason(rawValue: unsafe payload[2])
        else { return nil }
        let severity = unsafe payload[3]
        let session = unsafe payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let given = unsafe payload.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let time = given == 0 ? now : given
        let duration = unsafe payload.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        var start = EventPayload.headSize
        func piece(_ index: Int) -> UnsafeRawBufferPointer {
            let length = unsafe Int(payload.loadUnaligned(fromByteOffset: 24 &+ 4 &* index, as: UInt32.self))
            let end = min(start &+ length, payload.count)
            defer { start = end }
            return unsafe UnsafeRawBufferPointer(rebasing: payload[start..<end])
        }
        let (outer, db, headgatePiece) = unsafe (piece(0), piece(1), piece(2))
        func copy(_ bytes: UnsafeRawBufferPointer, _ line: inout LineBuffer) {
            if let from = bytes.baseAddress { unsafe line.copy(from, bytes.count) }
        }
        let who = tables.flatMap { session != .max && $0.sessions.has(session) ? $0.sessions : nil }
        var marks = LineMarks()
        begin(time, &line)
        if let who {
            who.append(session, piece: SessionPiece.brief.rawValue, to: &line)
            line.byte(0x7D)
            who.append(session, piece: SessionPiece.more.rawValue, to: &line)
        }
        unsafe copy(outer, &line)
        if who != nil || db.count > 0 {
            line.literal(#","db":{"#)
            who?.append(session, piece: SessionPiece.db.rawValue, to: &line)
            unsafe copy(db, &line)
            line.byte(0x7D)
        }
        line.bytes(headgate)
        if let who {
            who.append(session, piece: SessionPiece.headgate.rawValue, to: &line)
            line.byte(0x7D)
            who.append(session, piece: SessionPiece.headgateMore.rawValue, to: &line)
        }
        unsafe copy(headgatePiece, &line)
        if outcome != .success && outcome != .failure {
            line.literal(#","outcome":""#)
            line.literal(outcome.name)
            line.byte(0x22)
        }
        marks.previous = chain(&line)
        let traits = kind.traits
        line.literal(traits.name)
        line.literal(#"","#)
        line.literal(traits.category)
        line.literal(#","outcome":""#)
        line.literal(outcome.ecs)
        line.literal(#"","severity":"#)
        line.decimal(UInt64(severity == 255 ? traits.severity : severity))
        if reason != .none {
            line.literal(#","reason":""#)
            line.literal(reason.name)
            line.byte(0x22)
        }
        if duration != 0 {
            line.literal(#","duration":"#)
            line.number(duration)
        }
        marks.sequence = end(time, &line)
        return marks
    }
}

/// UUIDs of version 7 (RFC 9562): milliseconds, then bits no other record has.
struct RecordIdentifiers {
    private var state: UInt64

    init(seed: UInt64 = .random(in: .min ... .max)) { state = seed }

    mutating func append(_ nanoseconds: UInt64, to line: inout LineBuffer) {
        // splitmix64: every state once before any comes again.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        let (milliseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        line.hexadecimal(milliseconds >> 16, digits: 8)
        line.byte(0x2D)
        line.hexadecimal(milliseconds, digits: 4)
        line.literal("-7")
        // Twelve bits of the part of the millisecond, as RFC 9562 section 6.2 method 3 has it.
        line.hexadecimal(rest &* 4096 / 1_000_000, digits: 3)
        line.byte(0x2D)
        line.hexadecimal(0x8000 | mixed >> 48 & 0x3FFF, digits: 4)
        line.byte(0x2D)
        line.hexadecimal(mixed, digits: 12)
    }
}
