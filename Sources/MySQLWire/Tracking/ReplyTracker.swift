import ByteKit

/// Follows the reply to one command: told which command was sent and shown the head of every payload that comes, says
/// what each is and when the reply is complete (protocol documentation, "Command Phase").
///
/// Holds no bytes, allocates nothing, and can be given any: what does not fit is a `.violation`.
public struct ReplyTracker: Equatable, Sendable {
    enum State: Equatable {
        /// Nothing is expected.
        case complete
        /// A result: OK, ERR, a request for a file, or the head of a result set.
        case result
        /// So many definitions of columns, then an EOF packet if they are sent.
        case definitions(Int), definitionsEnd
        /// Rows, or what ends them.
        case rows
        /// The client sends a file.
        case clientFile
        case prepareHead
        case parameters(Int), parametersEnd
        case preparedColumns(Int), preparedColumnsEnd
        case fieldList
        case statistics
        case authentication
        case binlog
        case violated
    }

    /// What was agreed on with the server.
    public let capabilities: MySQLCapabilities
    /// The command whose reply this is.
    public private(set) var command = MySQLCommand.ping
    /// What the reply has said so far.
    public internal(set) var summary = ReplySummary()
    var state = State.complete

    /// The longest head `received` needs to see; of shorter payloads, all.
    public static let headLength = 64

    /// For replies of a server that agreed on `capabilities`.
    public init(_ capabilities: MySQLCapabilities) {
        self.capabilities = capabilities
    }

    /// Nothing more is to come.
    public var isComplete: Bool { state == .complete }

    /// The server waits for the client: for the contents of a file.
    public var wantsClientFile: Bool { state == .clientFile }

    /// Rows are coming: whatever is received next is most likely one.
    public var isInRows: Bool { state == .rows }

    /// EOF packets end definitions and rows; otherwise nothing ends definitions and an OK packet ends rows.
    var hasEOF: Bool { !capabilities.contains(.deprecateEOF) }

    /// A command was sent.
    public mutating func begin(_ command: MySQLCommand) {
        self.command = command
        summary = ReplySummary()
        switch command {
        case .quit, .closeStatement, .sendLongData: state = .complete
        case .prepare: state = .prepareHead
        case .fetch: state = .rows
        case .fieldList: state = .fieldList
        case .statistics: state = .statistics
        case .changeUser: state = .authentication
        case .binlogDump, .binlogDumpGTID, .tableDump, .groupReplicationStream: state = .binlog
        case .sleep, .initDatabase, .query, .createDatabase, .dropDatabase, .refresh, .shutdown, .processInfo, .connect,
            .processKill, .debug, .ping, .time, .delayedInsert, .connectOut, .registerReplica, .execute,
            .resetStatement, .setOption, .daemon, .resetConnection, .clone, .bulkExecute:
            state = .result
        }
    }

    /// A command nobody knows was sent: the server answers with an error.
    public mutating func beginUnknown() {
        begin(.sleep)
    }

    /// The client sent a payload of the file the server wants; an empty one ends it.
    public mutating func clientSent(isEmpty: Bool) {
        guard state == .clientFile, isEmpty else { return }
        state = .result
    }

    /// So many rows came, each in a packet of its own, that were not shown: only while `isInRows`.
    @inline(__always)
    public mutating func passed(rows: UInt64) { summary.rows &+= rows }

    /// A payload came: `head` are its first bytes, at least `headLength` of them or all there are, and `length` is the
    /// length of its first packet's body.
    public mutating func received(_ head: RawSpan, length: Int) -> ReplyEvent {
        guard head.byteCount > 0, length > 0 else { return violation() }
        let first = head.u8(at: 0)
        if state == .rows, first != 0xFE, first != 0xFF {
            summary.rows &+= 1
            return .row
        }
        if first == 0xFF { return error(head) }
        switch state {
        case .rows: return endOfRows(head, length)
        case .result: return result(head, length)
        case .definitions, .definitionsEnd: return definition(head, length)
        case .prepareHead, .parameters, .parametersEnd, .preparedColumns, .preparedColumnsEnd:
            return prepared(head, length)
        case .fieldList:
            guard first == 0xFE, isEnd(length) else { return .definition }
            return end(head) ? finish(.resultEnd) : violation()
        case .statistics: return finish(.text)
        case .authentication:
            switch first {
            case 0x00: return ok(head)
            case 0x01, 0xFE: return .authentication
            default: return violation()
            }
        case .binlog:
            if first == 0x00 { return .binlogEvent }
            return first == 0xFE && length < 9 && endOfFile(head) ? finish(.resultEnd) : violation()
        case .complete, .clientFile, .violated: return violation()
        }
    }

    // MARK: Ends

    mutating func violation() -> ReplyEvent {
        state = .violated
        return .violation
    }

    mutating func finish(_ event: ReplyEvent) -> ReplyEvent {
        state = .complete
        return event
    }

    private mutating func error(_ head: RawSpan) -> ReplyEvent {
        guard head.byteCount >= 3, state != .complete, state != .violated else { return violation() }
        let code = ErrorPacket.code(of: head)
        if code == ProgressReport.code, capabilities.contains(.mariadbProgress) { return .progress }
        summary.errorCode = code
        return finish(.error)
    }

    /// Whether a payload that begins with 0xFE and has `length` bytes ends something. A row may begin with 0xFE too, but
    /// only because its first value has 16 MiB or more.
    func isEnd(_ length: Int) -> Bool {
        hasEOF ? length < 9 : length < MySQLPacket.longestBody
    }

    /// Reads the EOF packet, or the OK packet in its place.
    mutating func end(_ head: RawSpan) -> Bool {
        if hasEOF { return endOfFile(head) }
        // Some replies have EOF packets whatever was agreed on.
        if head.byteCount == 5 { return endOfFile(head) }
        return okNumbers(head)
    }

    mutating func endOfFile(_ head: RawSpan) -> Bool {
        guard head.byteCount >= 5 else { return false }
        var status = MySQLStatus(rawValue: head.le16(at: 3))
        if state == .rows, let before = summary.status, before.contains(.outParameters) {
            // MySQL's last EOF packet of OUT parameters does not repeat that another result follows.
            status.formUnion(before.intersection([.outParameters, .moreResults]))
        }
        summary.warnings = head.le16(at: 1)
        summary.hadWarnings = summary.hadWarnings || summary.warnings != 0
        summary.status = status
        return true
    }

    private mutating func okNumbers(_ head: RawSpan) -> Bool {
        guard let ok = OKPacket.numbers(head) else { return false }
        summary.affectedRows = ok.affectedRows
        summary.lastInsertID = ok.lastInsertID
        summary.status = ok.status
        summary.warnings = ok.warnings
        summary.hadWarnings = summary.hadWarnings || ok.warnings != 0
        return true
    }

    /// Another result follows, or none.
    mutating func nextResult(_ event: ReplyEvent) -> ReplyEvent {
        summary.results &+= 1
        if summary.status?.contains(.outParameters) == true { summary.hadOutParameters = true }
        let goesOn = summary.status?.contains(.moreResults) ?? false
        state = goesOn && command != .fetch ? .result : .complete
        return event
    }

    mutating func ok(_ head: RawSpan) -> ReplyEvent {
        guard okNumbers(head) else { return violation() }
        summary.endsWithRows = false
        return nextResult(.ok)
    }

    private mutating func endOfRows(_ head: RawSpan, _ length: Int) -> ReplyEvent {
        guard isEnd(length) else {
            summary.rows &+= 1
            return .row
        }
        return end(head) ? nextResult(.resultEnd) : violation()
    }
}
