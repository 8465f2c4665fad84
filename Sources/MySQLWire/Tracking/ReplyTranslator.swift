public import ByteKit

/// What the client gets in place of a payload of the server.
public enum Translation: Equatable, Sendable {
    /// The payload as it is.
    case pass
    /// Nothing.
    case drop
    /// This EOF packet, then the payload as it is.
    case eofBefore(EOFPacket)
    /// This EOF packet in place of the payload.
    case eof(EOFPacket)
    /// The payload as it is, then this EOF packet.
    case eofBehind(EOFPacket)
    /// This EOF packet, then one in place of the payload: the end of a result set without rows.
    case twoEOFs(EOFPacket, EOFPacket)
    /// The OK packet that ends a result set, in place of the payload; its texts point into that.
    case okAsEOF(OKPacket)
    /// The OK packet, written anew for what the client can read.
    case ok(OKPacket)

    /// Nothing is to be done.
    @inlinable @inline(__always)
    public var isPass: Bool {
        if case .pass = self { true } else { false }
    }

    /// Whether the payload itself is sent.
    public var passes: Bool {
        switch self {
        case .pass, .eofBefore, .eofBehind: true
        case .drop, .eof, .twoEOFs, .okAsEOF, .ok: false
        }
    }
}

/// Makes the replies of a server right for a client that agreed on something else with us: EOF packets or none
/// (`deprecateEOF`), session state or none (`sessionTrack`).
///
/// Statements prepared without definitions (`optionalMetadata`, which no server of a pool is asked for) stay as they are.
///
/// It is shown every payload with what the tracker said of it. Sequence ids shift with every packet left out or put in, so
/// whoever sends numbers the packets himself.
public struct ReplyTranslator: Equatable, Sendable {
    private let server: MySQLCapabilities
    private let client: MySQLCapabilities
    /// The definitions are over and the client has not been told yet, since only the next payload shows whether rows or
    /// a cursor follow.
    private var owesEnd = false
    /// Rows pass as they are: there is nothing to be told before the next one.
    public var owesNothing: Bool { !owesEnd }
    /// The last state the server told of.
    private var status: MySQLStatus
    /// What is known before the rows of how the result ends, for the EOF packet in front of them.
    public var early: MySQLStatus = []
    /// A cursor was asked for: MariaDB ends the definitions only when it is open.
    public var opensCursor = false
    /// The result that ends next has changed something the client has asked to be told of.
    public var tellsOfChange = false

    /// For a server and a client that agreed on these capabilities; `status` is the server's as last heard.
    public init(server: MySQLCapabilities, client: MySQLCapabilities, status: MySQLStatus = .autocommit) {
        self.server = server
        self.client = client
        self.status = status
    }

    /// Whether there is anything to translate.
    public static func isNeeded(server: MySQLCapabilities, client: MySQLCapabilities) -> Bool {
        let differing = server.symmetricDifference(client)
        return !differing.isDisjoint(with: [.deprecateEOF, .sessionTrack])
    }

    private var addsEOF: Bool { server.contains(.deprecateEOF) && !client.contains(.deprecateEOF) }
    private var dropsEOF: Bool { !server.contains(.deprecateEOF) && client.contains(.deprecateEOF) }

    /// What becomes of a payload of which the tracker, after `received`, says `event`. An OK packet must be there whole
    /// (`payload`), of others the head is enough.
    public mutating func translate(_ event: ReplyEvent, _ payload: RawSpan, _ tracker: ReplyTracker) -> Translation {
        let before = owesEnd
        owesEnd = false
        if let heard = tracker.summary.status { status = heard }
        switch event {
        case .head, .prepared:
            owesEnd = addsEOF && definitionsAreOver(tracker)
            return .pass
        case .definition: return definition(tracker)
        case .row: return before ? .eofBefore(endOfDefinitions) : .pass
        case .definitionsEnd: return dropsEOF ? .drop : .pass
        case .resultEnd: return resultEnd(payload, tracker, before)
        case .ok: return ok(payload)
        case .error: return before && !opensCursor ? .eofBefore(endOfDefinitions) : .pass
        case .progress:
            owesEnd = before
            return client.contains(.mariadbProgress) ? .pass : .drop
        case .localFile, .authentication, .binlogEvent, .text, .violation: return .pass
        }
    }

    /// A payload that a hidden part of the server's reply ended before the client heard the end of definitions.
    private var endOfDefinitions: EOFPacket {
        EOFPacket(status: status.subtracting([.sessionStateChanged, .cursorExists, .lastRowSent]).union(early))
    }

    private func definitionsAreOver(_ tracker: ReplyTracker) -> Bool {
        // A head without definitions goes straight to the rows.
        tracker.isInRows
    }

    private mutating func definition(_ tracker: ReplyTracker) -> Translation {
        guard addsEOF else { return .pass }
        if tracker.command == .prepare {
            // Nothing follows that could tell more.
            return tracker.endsDefinitions ? .eofBehind(endOfDefinitions) : .pass
        }
        owesEnd = tracker.isInRows
        return .pass
    }

    private mutating func resultEnd(_ payload: RawSpan, _ tracker: ReplyTracker, _ owed: Bool) -> Translation {
        let summary = tracker.summary
        var flags = (summary.status ?? []).subtracting(.sessionStateChanged)
        if addsEOF {
            guard payload.byteCount != 5 else { return .pass }
            if tellsOfChange { flags.insert(.sessionStateChanged) }
            tellsOfChange = false
            // MySQL's last EOF packet of OUT parameters does not repeat that another result follows.
            if server.contains(.mysql), flags.contains(.outParameters) {
                flags.subtract([.outParameters, .moreResults])
            }
            let end = EOFPacket(warnings: summary.warnings, status: flags)
            // An execution that opened a cursor has no rows, and one EOF packet ends it.
            return owed && !flags.contains(.cursorExists) ? .twoEOFs(endOfDefinitions, end) : .eof(end)
        }
        if dropsEOF { return .okAsEOF(OKPacket(status: flags, warnings: summary.warnings)) }
        guard client.contains(.deprecateEOF), !client.contains(.sessionTrack), server.contains(.sessionTrack),
            let packet = try? OKPacket(parsing: payload, server)
        else { return .pass }
        return .okAsEOF(packet)
    }

    /// An OK packet has its texts as the session state is tracked or not.
    private func ok(_ payload: RawSpan) -> Translation {
        guard server.contains(.sessionTrack) != client.contains(.sessionTrack),
            let packet = try? OKPacket(parsing: payload, server)
        else { return .pass }
        return .ok(packet)
    }
}

extension ReplyTracker {
    /// The definition just received was the last of the parameters, or of the columns.
    var endsDefinitions: Bool {
        guard command == .prepare, let reply = summary.prepared else { return false }
        switch state {
        case .preparedColumns(let left): return left == Int(reply.columns)
        case .complete: return true
        case .result, .definitions, .definitionsEnd, .rows, .clientFile, .prepareHead, .parameters, .parametersEnd,
            .preparedColumnsEnd, .fieldList, .statistics, .authentication, .binlog, .violated:
            return false
        }
    }
}

extension ByteWriter {
    /// Appends the packets a translation makes, those before the payload or in place of it; `sequence` is that of the
    /// first and is counted on. What comes behind the payload is `writeBehind`'s.
    public mutating func write(
        _ translation: Translation, source: RawSpan, for client: MySQLCapabilities, _ sequence: inout UInt8
    ) {
        switch translation {
        case .pass, .drop, .eofBehind: break
        case .eofBefore(let packet), .eof(let packet): eof(packet, &sequence)
        case .twoEOFs(let first, let second):
            eof(first, &sequence)
            eof(second, &sequence)
        case .okAsEOF(let packet), .ok(let packet):
            let mark = beginPacket(sequence)
            if case .okAsEOF = translation {
                packet.write(to: &self, client, source: source, asEOF: true)
            } else {
                packet.write(to: &self, client, source: source)
            }
            sequence = endPacket(mark)
        }
    }

    /// Appends the packet a translation puts behind the payload.
    public mutating func writeBehind(_ translation: Translation, _ sequence: inout UInt8) {
        guard case .eofBehind(let packet) = translation else { return }
        eof(packet, &sequence)
    }

    private mutating func eof(_ packet: EOFPacket, _ sequence: inout UInt8) {
        let mark = beginPacket(sequence)
        packet.write(to: &self)
        sequence = endPacket(mark)
    }
}
