import ByteKit
import PostgresWire
import SQLText
import Settings

/// A text that names statements in SQL, on its way to a server, and what was entered for it when it was sent.
struct TrackedStatement {
    let entry: StatementEntry
    /// The batch it was sent in; nil for a simple Query, whose error skips nothing that is sent behind it.
    var batch: UInt32?
    /// What to take back if a statement of the text does not run, in the order it was entered.
    var undo: [StatementUndo] = []
    /// What its EXECUTEs run, with the number of the statement: it may change the session like any other.
    var executed: [(index: Int, entry: StatementEntry)] = []

    /// What statement number `index` does to the session.
    func effects(of index: Int) -> [SessionEffect] {
        guard index >= 0, index < entry.facts.statements.count else { return [] }
        var effects = entry.facts.statements[index].effects
        for inner in executed where inner.index == index {
            effects += inner.entry.facts.statements.first?.effects ?? []
        }
        return effects
    }
}

/// One thing entered when a PREPARE, DEALLOCATE or DISCARD was sent.
struct StatementUndo {
    /// Which statement of the text.
    let index: Int
    let change: Change

    enum Change {
        case prepared(name: String, serial: UInt64, before: ClientStatement?)
        case deallocated(name: String, serial: UInt64, before: ClientStatement)
        case deallocatedAll(NameTable<ClientStatement>?, ServerStatements)
    }
}

/// SQL-level PREPARE, EXECUTE and DEALLOCATE: the names in the text are replaced by the names statements have on
/// servers, so that two clients may use one name and one client may change servers. Protocol-level statements share the
/// namespace, as in PostgreSQL.
extension SessionEnvironment {
    /// Whether the text names statements, or drops all, while it is not known which there are: an earlier batch may
    /// have failed before it made them.
    func isUndecided(_ entry: StatementEntry, _ server: ServerSession) -> Bool {
        guard server.hasUndecided, entry.facts.flags.contains(.hasEffects) else { return false }
        return entry.facts.statements.contains { $0.effects.contains(where: \.namesStatements) }
    }

    /// Whether what `name` means, or what its statement `entry` does, is not known yet for such a reason.
    @inline(__always)
    func isUndecided(_ name: RawSpan, _ entry: StatementEntry?, _ server: ServerSession) -> Bool {
        guard server.hasUndecided else { return false }
        return server.isUndecided(name) || entry.map { isUndecided($0, server) } ?? false
    }

    /// The text with its statement names replaced; nil if it names none that are this client's. What an EXECUTE needs is
    /// prepared on the server first. `isSimple` for a simple Query, before which a batch must be closed.
    func rewriteNames(
        _ text: RawSpan, _ entry: StatementEntry, isSimple: Bool, _ bytes: RawSpan, _ client: ClientSession,
        _ server: ServerSession
    ) -> RenamedText? {
        // What the grammar refuses the server refuses too, with its own words.
        if entry.facts.flags.contains(.unparsed) { return nil }
        var replacements: [(range: Range<Int>, serial: UInt64)] = []
        var preparedHere: [String: UInt64] = [:]
        // Names the text has dropped: what the client had under them is no longer meant.
        var droppedHere: Set<String> = []
        var droppedAll = false
        func known(_ name: String) -> ClientStatement? {
            droppedAll || droppedHere.contains(name) ? nil : client.prepared?.find(Array(name.utf8))
        }
        let owed = server.expected.count
        // What one name of the text needs must not be closed to make room for the next.
        let limit = server.statements.limit
        server.statements.limit = max(limit, entry.namesUsed)
        defer { server.statements.limit = limit }
        for statement in entry.facts.statements {
            for effect in statement.effects {
                switch effect {
                case .prepare(let name, let range):
                    if let serial = preparedHere[name] {
                        replacements.append((range, serial))
                        continue
                    }
                    if let known = known(name) {
                        // It exists already: of a name that is taken the server says so itself.
                        let serial = prepareNothing(insteadOf: self.serial(known.entry), bytes, server)
                        remember(name, for: serial, client)
                        replacements.append((range, serial))
                        continue
                    }
                    let serial = define(
                        name, range, statement.range, text, entry, freed: replacements.map(\.serial), bytes, client,
                        server)
                    preparedHere[name] = serial
                    replacements.append((range, serial))
                case .execute(let name, let range), .deallocate(let name, let range):
                    defer {
                        if case .deallocate = effect {
                            preparedHere[name] = nil
                            droppedHere.insert(name)
                        }
                    }
                    if let serial = preparedHere[name] {
                        replacements.append((range, serial))
                        continue
                    }
                    guard let known = known(name) else {
                        if name.hasPrefix("hg_") { replacements.append((range, 0)) }
                        continue
                    }
                    var serial = self.serial(known.entry)
                    if case .deallocate = effect {
                        if !isHeld(serial, server) { serial = prepareNothing(insteadOf: serial, bytes, server) }
                    } else {
                        serial = prepareNamed(known, bytes, server)
                    }
                    remember(name, for: serial, client)
                    replacements.append((range, serial))
                case .discardAll, .deallocateAll:
                    preparedHere = [:]
                    droppedAll = true
                case .set, .setComputed, .setLocal, .reset, .resetAll, .discardPlans, .discardTemporary,
                    .discardSequences, .listen, .unlisten, .unlistenAll, .savepoint,
                    .releaseSavepoint, .rollbackToSavepoint, .mayCreate, .mayRelease:
                    break
                }
            }
        }
        if isSimple && server.expected.count > owed {
            // Without a Sync an error in what was put in would swallow the Query.
            toServer.make(bytes) { $0.bare(FrontendTag.sync) }
            server.expected.append(Expected(.sync, hidden: true))
            server.hasOpenBatch = false
            server.batch &+= 1
        }
        return replacements.isEmpty ? nil : Self.replacing(replacements, in: text)
    }

    private static func replacing(_ replacements: [(range: Range<Int>, serial: UInt64)], in text: RawSpan)
        -> RenamedText
    {
        var out: [UInt8] = []
        var shifts: [RenamedText.Shift] = []
        var position = 0
        var characters = 0
        for (range, serial) in replacements.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            guard range.lowerBound >= position, range.upperBound <= text.byteCount else { continue }
            let before = text.extracting(position..<range.lowerBound).toArray()
            let name = ServerName.bytes(serial)
            out += before
            out += name
            characters += RenamedText.characters(before[...]) + name.count
            let old = RenamedText.characters(text.extracting(range).toArray()[...])
            shifts.append(RenamedText.Shift(end: characters, growth: name.count - old))
            position = range.upperBound
        }
        out += text.extracting(position..<text.byteCount).toArray()
        return RenamedText(bytes: out, shifts: shifts)
    }

    /// What a client calls a statement, for texts and errors; forgotten when there are too many.
    func remember(_ name: String, for serial: UInt64, _ client: ClientSession) {
        let extra = client.more()
        if extra.sqlNames.count >= 4096 { extra.sqlNames.removeAll() }
        extra.sqlNames[serial] = name
    }

    /// Learns what a PREPARE will define; the client has it when the PREPARE is sent. `freed` are statements the text
    /// itself has dropped by then.
    private func define(
        _ name: String, _ nameRange: Range<Int>, _ range: Range<Int>, _ text: RawSpan, _ entry: StatementEntry,
        freed: [UInt64], _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> UInt64 {
        let whole = text.extracting(range)
        let definition =
            entry.facts.statements.count == 1
            ? entry : statements.entry(text: whole, types: whole.extracting(0..<0))
        let serial = serial(definition)
        let shifted = (nameRange.lowerBound &- range.lowerBound)..<(nameRange.upperBound &- range.lowerBound)
        remember(name, for: serial, client)
        let extra = client.more()
        if extra.definitions.count >= 1024 { extra.definitions.removeAll() }
        extra.definitions[serial] = ClientStatement(
            entry: definition, sqlDefinition: Self.replacing([(shifted, serial)], in: whole).bytes)
        if freed.contains(serial) { return serial }
        if server.statements.touch(serial) || server.statements.doubtful.remove(serial) != nil {
            // Another client's, with the same text: it makes way for the PREPARE that follows.
            server.statements.remove(serial)
            server.add(StatementOperation(kind: .evict, serial: serial))
            server.expected.append(Expected(.closeStatement, hidden: true))
            toServer.make(bytes) { $0.close(0x53, ServerName.bytes(serial)) }
        } else {
            makeRoom(bytes, server)
        }
        return serial
    }

    /// The text is being sent to run: names it makes and drops are entered at once, for what is sent behind it.
    func willRun(_ entry: StatementEntry, _ client: ClientSession, _ server: ServerSession) -> TrackedStatement {
        var tracked = TrackedStatement(entry: entry)
        guard entry.facts.flags.contains(.hasEffects) else { return tracked }
        for (index, statement) in entry.facts.statements.enumerated() {
            for effect in statement.effects {
                if case .execute(let name, _) = effect, let inner = referred(name, client) {
                    tracked.executed.append((index, inner.entry))
                }
                guard let change = enter(effect, client, server) else { continue }
                tracked.undo.append(StatementUndo(index: index, change: change))
            }
        }
        return tracked
    }

    private func enter(
        _ effect: SessionEffect, _ client: ClientSession, _ server: ServerSession
    ) -> StatementUndo.Change? {
        switch effect {
        case .prepare(let serverName, _):
            guard let serial = ServerName.serial(serverName), let name = client.extra?.sqlNames[serial],
                client.prepared?.find(Array(name.utf8)) == nil, let made = client.extra?.definitions[serial]
            else { return nil }
            server.statements.insert(serial)
            return .prepared(name: name, serial: serial, before: client.setStatement(Array(name.utf8), made, nameHash))
        case .deallocate(let serverName, _):
            guard let serial = ServerName.serial(serverName), let name = client.extra?.sqlNames[serial],
                let before = client.prepared?.remove(Array(name.utf8))
            else { return nil }
            server.statements.remove(serial)
            return .deallocated(name: name, serial: serial, before: before)
        case .discardAll, .deallocateAll:
            let change = StatementUndo.Change.deallocatedAll(client.prepared, server.statements)
            client.prepared = nil
            server.statements.removeAll()
            return change
        case .set, .setComputed, .setLocal, .reset, .resetAll, .discardPlans, .discardTemporary, .discardSequences,
            .execute, .listen, .unlisten, .unlistenAll, .savepoint, .releaseSavepoint, .rollbackToSavepoint,
            .mayCreate, .mayRelease:
            return nil
        }
    }

    /// The statements of the text from `index` on did not run: what was entered for them is taken back, last first.
    func didNotRun(_ tracked: TrackedStatement, from index: Int, _ client: ClientSession?, _ server: ServerSession) {
        for undo in tracked.undo.reversed() where undo.index >= index {
            switch undo.change {
            case .prepared(let name, let serial, let before):
                server.statements.remove(serial)
                if let before {
                    _ = client?.setStatement(Array(name.utf8), before, nameHash)
                } else {
                    client?.prepared?.remove(Array(name.utf8))
                }
            case .deallocated(let name, let serial, let before):
                server.statements.insert(serial)
                _ = client?.setStatement(Array(name.utf8), before, nameHash)
            case .deallocatedAll(let names, let held):
                server.statements = held
                client?.prepared = names
            }
        }
    }

    /// What an EXECUTE in a prepared statement refers to must be on the server before it is bound or described.
    /// Called behind `prepareNamed`, whose statement stays too.
    func ensureReferences(_ entry: StatementEntry, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession) {
        let limit = server.statements.limit
        server.statements.limit = max(limit, entry.namesUsed &+ 1)
        defer { server.statements.limit = limit }
        for statement in entry.facts.statements {
            for case .execute(let name, _) in statement.effects {
                if let found = referred(name, client) { _ = prepareNamed(found, bytes, server) }
            }
        }
    }

    /// The client's statement that servers call `name`.
    private func referred(_ name: String, _ client: ClientSession) -> ClientStatement? {
        guard let serial = ServerName.serial(name), let known = client.extra?.sqlNames[serial],
            let found = client.prepared?.find(Array(known.utf8)), self.serial(found.entry) == serial
        else { return nil }
        return found
    }
}

extension ClientSession {
    /// Enters a named statement; answers what had the name before.
    func setStatement(_ name: [UInt8], _ statement: ClientStatement, _ hasher: Hash64) -> ClientStatement? {
        var names = prepared ?? NameTable(hasher: hasher)
        prepared = nil
        defer { prepared = names }
        return names.set(name, statement)
    }
}

extension StatementEntry {
    /// How often the text names a prepared statement.
    var namesUsed: Int {
        var count = 0
        for statement in facts.statements { count += statement.effects.count { $0.namesStatements } }
        return count
    }
}

extension ServerName {
    static func isHex(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66)
    }

    /// The serial in a name of ours.
    static func serial(_ name: String) -> UInt64? {
        name.hasPrefix("hg_") ? UInt64(name.dropFirst(3), radix: 16) : nil
    }
}
