import ByteKit
import PostgresWire
import Proxy

/// What a console client's bytes ask for next.
enum ConsoleStep: Equatable {
    /// Nothing: more bytes must come, or the command under way must end.
    case wait
    /// Run this and call `finished`.
    case run(Command)
    /// Send what there is and close.
    case close
}

/// One client's conversation with the console, over the simple and the extended protocol. Pure: bytes in, commands out,
/// outcomes in, bytes out. One command is under way at a time.
final class ConsoleSession {
    private enum Mode {
        case simple
        case extended
    }

    let client: ConsoleClient
    /// What ReadyForQuery says: drivers send BEGIN and look for it.
    private(set) var status = TransactionStatus.idle
    private var input: [UInt8] = []
    private var consumed = 0
    private var output = ByteWriter(capacity: 1024)
    private var mode = Mode.simple
    private var isRunning = false
    /// After an error everything up to the next Sync is discarded.
    private var isSkipping = false
    private var isOver = false
    /// What is left of a simple Query.
    private var queue: ArraySlice<Command> = []
    private var statements: [String: Command?] = [:]
    private var portals: [String: Command?] = [:]

    /// The longest message the console reads, and how many statements a client may prepare.
    static let longestMessage = 64 << 10
    private static let mostNames = 256

    init(client: ConsoleClient) { self.client = client }

    func receive(_ bytes: [UInt8]) { input += bytes }

    /// The bytes to be sent, and how many of those received have been dealt with since the last time.
    func takeOutput() -> (bytes: [UInt8], used: Int) {
        defer { consumed = 0 }
        return (output.take(), consumed)
    }

    /// What is to be done next.
    func next() -> ConsoleStep {
        while !isOver {
            if isRunning { return .wait }
            if mode == .simple, let command = queue.popFirst() {
                if let step = begin(command) { return step }
                continue
            }
            guard let (tag, body) = takeMessage() else { return isOver ? .close : .wait }
            if let step = handle(tag, body) { return step }
        }
        return .close
    }

    /// The command under way has ended.
    func finished(_ outcome: Outcome) {
        isRunning = false
        switch outcome {
        case .rows(let columns, let rows, let tag):
            if mode == .simple { output.rowDescription(columns) }
            for row in rows { output.dataRow(row) }
            output.commandComplete(tag)
        case .done(let tag): output.commandComplete(tag)
        case .noticed(let notice, let tag):
            notice.write(to: &output)
            output.commandComplete(tag)
        case .failed(let error): return refuse(error)
        }
        if mode == .simple && queue.isEmpty { output.readyForQuery(status) }
    }

    // MARK: Commands

    /// Starts a command; nil if it is done with already.
    private func begin(_ command: Command) -> ConsoleStep? {
        isRunning = true
        let needsAdmin: Bool
        if case .show(let name) = command {
            needsAdmin = ShowTables.all[name]?.needsAdmin ?? false
        } else {
            needsAdmin = command.needsAdmin
        }
        if needsAdmin && !client.isAdmin {
            finished(.failed(PostgresError(.error, "08P01", "admin access needed")))
            return nil
        }
        switch command {
        case .answer(let columns, let values): finished(.rows(columns, [values], tag: "SHOW"))
        case .ignore(let tag, let notice?):
            finished(.noticed(PostgresError(.notice, "00000", notice), tag: tag))
        case .ignore(let tag, nil): finished(.done(tag: tag))
        case .transaction(let tag, let status):
            self.status = status
            finished(.done(tag: tag))
        case .help: finished(.noticed(ConsoleHelp.notice, tag: "SHOW"))
        case .show, .set, .reload, .pause, .resume, .disable, .enable, .reconnect, .kill, .killClient, .suspend,
            .shutdown, .waitClose:
            return .run(command)
        }
        return nil
    }

    /// The columns of what a command answers with; nil if it answers with no rows.
    private func columns(of command: Command?) -> [Column]? {
        switch command {
        case .show(let name)?: ShowTables.all[name]?.columns
        case .answer(let columns, _)?: columns
        default: nil
        }
    }

    private func refuse(_ error: PostgresError) {
        error.write(to: &output)
        queue = []
        switch mode {
        case .simple: output.readyForQuery(status)
        case .extended: isSkipping = true
        }
    }

    private func violation(_ what: String) {
        PostgresError(.fatal, "08P01", what).write(to: &output)
        isOver = true
    }

    // MARK: Messages

    private func takeMessage() -> (UInt8, [UInt8])? {
        let scan = input.withSpan { scanFrame($0, at: 0) }
        switch scan {
        case .needHeader: return nil
        case .bad:
            violation("invalid message length")
            return nil
        case .header(let tag, let body, let end):
            guard end <= Self.longestMessage else {
                violation("the message is longer than the console reads")
                return nil
            }
            guard end <= input.count else { return nil }
            let message = Array(input[body..<end])
            input.removeFirst(end)
            consumed += end
            return (tag, message)
        }
    }

    private func handle(_ tag: UInt8, _ body: [UInt8]) -> ConsoleStep? {
        switch tag {
        case FrontendTag.query:
            mode = .simple
            isSkipping = false
            query(body)
        case FrontendTag.sync:
            isSkipping = false
            output.readyForQuery(status)
        case FrontendTag.terminate:
            isOver = true
        case FrontendTag.parse, FrontendTag.bind, FrontendTag.describe, FrontendTag.execute, FrontendTag.close,
            FrontendTag.flush, FrontendTag.functionCall:
            mode = .extended
            return isSkipping ? nil : extended(tag, body)
        case FrontendTag.copyData, FrontendTag.copyDone, FrontendTag.copyFail: break
        default: violation("invalid frontend message type \(tag)")
        }
        return nil
    }

    private func query(_ body: [UInt8]) {
        guard let text = Self.strings(body, 1)?.first else { return violation("invalid message format") }
        switch CommandParser.parse(text, user: client.user) {
        case .failure(let error): refuse(error)
        case .success(let commands):
            if commands.isEmpty {
                output.bare(BackendTag.emptyQueryResponse)
                output.readyForQuery(status)
            }
            queue = commands[...]
        }
    }

    private func extended(_ tag: UInt8, _ body: [UInt8]) -> ConsoleStep? {
        switch tag {
        case FrontendTag.parse: parse(body)
        case FrontendTag.bind:
            guard let names = Self.strings(body, 2) else {
                violation("invalid message format")
                return nil
            }
            guard let statement = statements[names[1]] else {
                refuse(PostgresError(.error, "26000", "prepared statement \"\(names[1])\" does not exist"))
                return nil
            }
            if portals.count >= Self.mostNames { portals.removeAll() }
            portals[names[0]] = .some(statement)
            output.bare(BackendTag.bindComplete)
        case FrontendTag.describe: describe(body)
        case FrontendTag.execute:
            guard let name = Self.strings(body, 1)?.first, let portal = portals[name] else {
                refuse(PostgresError(.error, "34000", "portal does not exist"))
                return nil
            }
            guard let command = portal else {
                output.bare(BackendTag.emptyQueryResponse)
                return nil
            }
            return begin(command)
        case FrontendTag.close:
            let isStatement = body.first == UInt8(ascii: "S")
            if let name = Self.strings(Array(body.dropFirst()), 1)?.first {
                if isStatement { statements[name] = nil } else { portals[name] = nil }
            }
            output.bare(BackendTag.closeComplete)
        case FrontendTag.functionCall:
            refuse(PostgresError(.error, "0A000", "the console has no functions to call"))
            isSkipping = false
            output.readyForQuery(status)
        default: break
        }
        return nil
    }

    private func parse(_ body: [UInt8]) {
        guard let names = Self.strings(body, 2) else { return violation("invalid message format") }
        switch CommandParser.parse(names[1], user: client.user) {
        case .failure(let error): refuse(error)
        case .success(let commands):
            guard commands.count <= 1 else {
                let what = "cannot insert multiple commands into a prepared statement"
                return refuse(PostgresError(.error, "42601", what))
            }
            if statements.count >= Self.mostNames { statements.removeAll() }
            statements[names[0]] = .some(commands.first)
            output.bare(BackendTag.parseComplete)
        }
    }

    private func describe(_ body: [UInt8]) {
        guard let kind = body.first, let name = Self.strings(Array(body.dropFirst()), 1)?.first else {
            return violation("invalid message format")
        }
        let isStatement = kind == UInt8(ascii: "S")
        guard let command = isStatement ? statements[name] : portals[name] else {
            return refuse(
                isStatement
                    ? PostgresError(.error, "26000", "prepared statement \"\(name)\" does not exist")
                    : PostgresError(.error, "34000", "portal \"\(name)\" does not exist"))
        }
        if isStatement { output.noParameters() }
        if let columns = columns(of: command) {
            output.rowDescription(columns)
        } else {
            output.bare(BackendTag.noData)
        }
    }

    /// The first `count` NUL-terminated texts of a message.
    private static func strings(_ body: [UInt8], _ count: Int) -> [String]? {
        body.withSpan { span in
            var cursor = ByteCursor(span)
            var found: [String] = []
            while found.count < count, let range = cursor.cString() { found.append(cursor.string(range)) }
            return found.count == count ? found : nil
        }
    }
}
