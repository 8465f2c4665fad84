import ByteKit
import PostgresWire
import SQLText

/// SQL-level PREPARE, EXECUTE and DEALLOCATE: the names in the text are replaced by the names statements have on
/// servers, so that two clients may use one name and one client may change servers. Protocol-level statements share the
/// namespace, as in PostgreSQL.
extension SessionEnvironment {
    /// The text with its statement names replaced; nil if it names none that are this client's. What an EXECUTE needs is
    /// prepared on the server first. `isSimple` for a simple Query, before which a batch must be closed.
    func rewriteNames(
        _ text: RawSpan, _ entry: StatementEntry, isSimple: Bool, _ bytes: RawSpan, _ client: ClientSession,
        _ server: ServerSession
    ) -> [UInt8]? {
        var replacements: [(range: Range<Int>, serial: UInt64)] = []
        var preparedHere: Set<String> = []
        let owed = server.expected.count
        for statement in entry.facts.statements {
            for effect in statement.effects {
                switch effect {
                case .prepare(let name, let range):
                    if let known = client.prepared?.find(Array(name.utf8)), !preparedHere.contains(name) {
                        // It exists already: under its server name the server says so itself.
                        replacements.append((range, prepareNamed(known, bytes, server)))
                        continue
                    }
                    let serial = define(name, range, statement.range, text, entry, bytes, client, server)
                    preparedHere.insert(name)
                    replacements.append((range, serial))
                case .execute(let name, let range), .deallocate(let name, let range):
                    guard let known = client.prepared?.find(Array(name.utf8)) else {
                        if name.hasPrefix("hg_") { replacements.append((range, 0)) }
                        continue
                    }
                    let serial = serial(known.entry)
                    if !preparedHere.contains(name) { _ = prepareNamed(known, bytes, server) }
                    client.more().sqlNames[serial] = name
                    replacements.append((range, serial))
                case .set, .setComputed, .setLocal, .reset, .resetAll, .discardAll, .discardPlans, .discardTemporary,
                    .discardSequences, .deallocateAll, .listen, .unlisten, .unlistenAll, .savepoint,
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
        }
        return replacements.isEmpty ? nil : Self.replacing(replacements, in: text)
    }

    private static func replacing(_ replacements: [(range: Range<Int>, serial: UInt64)], in text: RawSpan) -> [UInt8] {
        var out: [UInt8] = []
        var position = 0
        for (range, serial) in replacements.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            guard range.lowerBound >= position, range.upperBound <= text.byteCount else { continue }
            out += text.extracting(position..<range.lowerBound).toArray()
            out += ServerName.bytes(serial)
            position = range.upperBound
        }
        return out + text.extracting(position..<text.byteCount).toArray()
    }

    /// Enters a PREPARE: the client has the statement from now on, unless it fails.
    private func define(
        _ name: String, _ nameRange: Range<Int>, _ range: Range<Int>, _ text: RawSpan, _ entry: StatementEntry,
        _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> UInt64 {
        let whole = text.extracting(range)
        let definition =
            entry.facts.statements.count == 1
            ? entry : statements.entry(text: whole, types: whole.extracting(0..<0))
        let serial = serial(definition)
        let shifted = (nameRange.lowerBound &- range.lowerBound)..<(nameRange.upperBound &- range.lowerBound)
        let extra = client.more()
        extra.sqlNames[serial] = name
        extra.pendingPrepares.insert(name)
        var names = client.prepared ?? NameTable(hasher: nameHash)
        client.prepared = nil
        names.set(
            Array(name.utf8),
            ClientStatement(entry: definition, sqlDefinition: Self.replacing([(shifted, serial)], in: whole)))
        client.prepared = names
        if server.statements.touch(serial) {
            // Another client's, with the same text: it makes way for the PREPARE that follows.
            server.statements.remove(serial)
            server.operations.append(StatementOperation(kind: .evict, serial: serial))
            server.expected.append(Expected(.closeStatement, hidden: true))
            toServer.make(bytes) { $0.close(0x53, ServerName.bytes(serial)) }
        } else {
            makeRoom(bytes, server)
        }
        return serial
    }

    /// What an EXECUTE in a prepared statement refers to must be on the server before it is bound or described.
    func ensureReferences(_ entry: StatementEntry, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession) {
        for statement in entry.facts.statements {
            for case .execute(let name, _) in statement.effects {
                guard let serial = ServerName.serial(name), let known = client.extra?.sqlNames[serial],
                    let found = client.prepared?.find(Array(known.utf8)), self.serial(found.entry) == serial
                else { continue }
                _ = prepareNamed(found, bytes, server)
            }
        }
    }

    /// PREPARE completed.
    func prepared(_ name: String, _ client: ClientSession, _ server: ServerSession) {
        guard let serial = ServerName.serial(name) else { return }
        server.statements.insert(serial)
        if let known = client.extra?.sqlNames[serial] { client.extra?.pendingPrepares.remove(known) }
    }

    /// DEALLOCATE completed.
    func deallocated(_ name: String, _ client: ClientSession, _ server: ServerSession) {
        guard let serial = ServerName.serial(name) else { return }
        server.statements.remove(serial)
        if let known = client.extra?.sqlNames.removeValue(forKey: serial) { client.prepared?.remove(Array(known.utf8)) }
    }

    /// A statement failed or will not run: the PREPAREs in it that were entered are taken back.
    func forgetPending(_ entry: StatementEntry, from index: Int, _ client: ClientSession) {
        guard let extra = client.extra, !extra.pendingPrepares.isEmpty else { return }
        for statement in entry.facts.statements.dropFirst(max(0, index)) {
            for case .prepare(let name, _) in statement.effects {
                guard let serial = ServerName.serial(name), let known = extra.sqlNames[serial],
                    extra.pendingPrepares.remove(known) != nil
                else { continue }
                extra.sqlNames[serial] = nil
                client.prepared?.remove(Array(known.utf8))
            }
        }
    }

    /// A server's error with the server's names of statements replaced by the client's; nil if it has none.
    func renamed(_ body: RawSpan, for client: ClientSession) -> [UInt8]? {
        guard client.prepared != nil || client.extra?.sqlNames.isEmpty == false else { return nil }
        let source = body.toArray()
        var out: [UInt8] = []
        var changed = false
        var index = 0
        while index < source.count {
            if source[index] == 0x68, index + 3 < source.count, source[index + 1] == 0x67, source[index + 2] == 0x5F {
                var end = index + 3
                while end < source.count, end - index < 20, ServerName.isHex(source[end]) { end += 1 }
                let token = String(decoding: source[index..<end], as: UTF8.self)
                if let serial = ServerName.serial(token), let name = clientName(of: serial, client) {
                    out += name
                    index = end
                    changed = true
                    continue
                }
            }
            out.append(source[index])
            index += 1
        }
        return changed ? out : nil
    }

    private func clientName(of serial: UInt64, _ client: ClientSession) -> [UInt8]? {
        if let name = client.extra?.sqlNames[serial] { return Array(name.utf8) }
        var found: [UInt8]?
        client.prepared?.forEach { name, statement in
            if self.serial(statement.entry) == serial { found = name }
        }
        return found
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
