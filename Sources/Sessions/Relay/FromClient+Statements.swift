import ByteKit
import PostgresWire
import SQLText

/// Seeing to it that a statement a client refers to exists on the server it has now.
extension SessionEnvironment {
    /// Before a Bind or Describe of the unnamed statement: the server's must be this client's.
    func prepareUnnamed(_ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession) {
        guard let entry = client.unnamed else {
            if server.unnamed == .none && server.isUnnamedCertain { return }
            // Another client's statement must not be found under the empty name: the server's own error is right.
            server.unnamed = .none
            server.unnamedUnanswered = server.batch
            server.add(StatementOperation(kind: .injectedUnnamed))
            server.expected.append(Expected(.closeStatement, hidden: true))
            toServer.make(bytes) { $0.close(0x53, []) }
            return
        }
        if entry.facts.flags.contains(.hasEffects) { ensureReferences(entry, bytes, client, server) }
        let serial = serial(entry)
        if server.unnamed == .serial(serial) && server.isUnnamedCertain { return }
        server.unnamed = .serial(serial)
        server.unnamedUnanswered = server.batch
        server.add(StatementOperation(kind: .injectedUnnamed, serial: serial))
        server.expected.append(Expected(.parse, hidden: true))
        injectParse(entry, named: nil, bytes)
    }

    /// Before a Bind or Describe of a named statement: prepares it on this server unless it is there; answers the
    /// serial that names it.
    func prepareNamed(_ statement: ClientStatement, _ bytes: RawSpan, _ server: ServerSession) -> UInt64 {
        let serial = serial(statement.entry)
        if isHeld(serial, server) { return serial }
        enter(serial, bytes, server)
        if let definition = statement.sqlDefinition {
            server.parseSent(serial)
            injectDefinition(definition, serial, bytes, server)
            return serial
        }
        server.parseSent(serial)
        server.add(StatementOperation(kind: .injectedParse, serial: serial))
        server.expected.append(Expected(.parse, hidden: true))
        injectParse(statement.entry, named: serial, bytes)
        return serial
    }

    /// Prepares an empty statement in place of one of the client's that is not to be run, only to be there: to be
    /// deallocated, or to be in the way. Preparing the real one might fail. Answers the serial that names it.
    func prepareNothing(insteadOf serial: UInt64, _ bytes: RawSpan, _ server: ServerSession) -> UInt64 {
        let placeholder = serial | 1 << 63
        if isHeld(placeholder, server) { return placeholder }
        enter(placeholder, bytes, server)
        server.parseSent(placeholder)
        server.add(StatementOperation(kind: .injectedParse, serial: placeholder))
        server.expected.append(Expected(.parse, hidden: true))
        toServer.make(bytes) { out in
            let mark = out.begin(FrontendTag.parse)
            ServerName.write(placeholder, to: &out)
            for _ in 0..<4 { out.u8(0) }
            out.end(mark)
        }
        return placeholder
    }

    /// Whether a message sent now will find the statement on the server.
    func isHeld(_ serial: UInt64, _ server: ServerSession) -> Bool {
        guard server.statements.touch(serial) else { return false }
        if server.unanswered.isEmpty { return true }
        guard let owed = server.unanswered[serial], owed.batch != server.batch else { return true }
        server.statements.doubtful.insert(serial)
        return false
    }

    /// The statement is about to be parsed under `serial`: makes room, and closes what may be there already.
    func enter(_ serial: UInt64, _ bytes: RawSpan, _ server: ServerSession) {
        if server.statements.doubtful.remove(serial) != nil {
            server.statements.remove(serial)
            server.add(StatementOperation(kind: .evict))
            server.expected.append(Expected(.closeStatement, hidden: true))
            toServer.make(bytes) { $0.close(0x53, ServerName.bytes(serial)) }
        }
        makeRoom(bytes, server)
        server.statements.insert(serial)
    }

    private func injectParse(_ entry: StatementEntry, named serial: UInt64?, _ bytes: RawSpan) {
        tally.serverParses &+= 1
        tally.isSome = true
        let textLength = entry.textLength
        entry.withKey { key in
            toServer.make(bytes) { out in
                let mark = out.begin(FrontendTag.parse)
                if let serial { ServerName.write(serial, to: &out) }
                out.u8(0)
                out.span(key.extracting(0..<textLength))
                out.u8(0)
                out.i16(Int16(truncatingIfNeeded: (key.byteCount &- textLength) / 4))
                out.span(key.extracting(textLength..<key.byteCount))
                out.end(mark)
            }
        }
    }

    /// Runs a PREPARE statement through the extended protocol, hidden, so that it shares the fate of what follows.
    func injectDefinition(_ definition: [UInt8], _ serial: UInt64, _ bytes: RawSpan, _ server: ServerSession) {
        server.add(StatementOperation(kind: .injectedUnnamed, serial: 0))
        server.add(StatementOperation(kind: .injectedParse, serial: serial))
        server.unnamed = .unknown
        server.hasOpenBatch = true
        tally.serverParses &+= 1
        tally.isSome = true
        for kind in [ExpectedKind.parse, .bind, .execute, .closeStatement] {
            server.expected.append(Expected(kind, hidden: true))
        }
        toServer.make(bytes) { out in
            var mark = out.begin(FrontendTag.parse)
            out.u8(0)
            out.raw(definition)
            out.u8(0)
            out.i16(0)
            out.end(mark)
            mark = out.begin(FrontendTag.bind)
            for _ in 0..<8 { out.u8(0) }
            out.end(mark)
            mark = out.begin(FrontendTag.execute)
            out.u8(0)
            out.u32(0)
            out.end(mark)
            out.close(0x53, [])
        }
    }

    /// Closes the least recently used statements of a server that holds as many as it may, or more because one message
    /// needed so many.
    func makeRoom(_ bytes: RawSpan, _ server: ServerSession) {
        while let evicted = server.statements.evictIfFull() {
            // An error may skip the Close: until it is answered nobody may parse under that name without another.
            server.statements.doubtful.insert(evicted)
            server.add(StatementOperation(kind: .evict, serial: evicted))
            server.expected.append(Expected(.closeStatement, hidden: true))
            toServer.make(bytes) { $0.close(0x53, ServerName.bytes(evicted)) }
        }
    }

    /// Replies the proxy owes that are next in line are given at once.
    func settleOwed(_ bytes: RawSpan, _ server: ServerSession) {
        while let next = server.expected.first {
            switch next.kind {
            case .owedParseComplete: toClient.make(bytes) { $0.bare(BackendTag.parseComplete) }
            case .owedCloseComplete: toClient.make(bytes) { $0.bare(BackendTag.closeComplete) }
            case .endOfCopyData:
                server.expected.popFirst()
                continue
            case .parse, .trialParse, .bind, .describeStatement, .describePortal, .execute, .closeStatement,
                .closePortal, .sync,
                .query, .functionCall, .failure:
                return
            }
            server.expected.popFirst()
            server.operations.popFirst()
        }
    }

    /// Makes the server fail here, as it would have without us: the transaction is aborted and the rest up to Sync
    /// skipped, but the client reads `error`. An Execute of a portal that cannot exist does it.
    func fail(_ error: PostgresError, _ bytes: RawSpan, _ server: ServerSession) {
        server.hasOpenBatch = true
        server.expected.append(Expected(.failure))
        server.failures.append(error)
        toServer.make(bytes) { $0.failingExecute() }
    }

    func failUnknownStatement(_ name: RawSpan, _ bytes: RawSpan, _ server: ServerSession) {
        fail(
            PostgresError(.error, "26000", "prepared statement \"\(Self.text(name))\" does not exist"), bytes, server)
    }

    /// A message so malformed that only the server's own error is right.
    func passUnread(
        _ kind: ExpectedKind, _ operation: StatementOperation?, at start: Int, _ end: Int, _ bytes: RawSpan,
        _ server: ServerSession
    ) -> ClientStop? {
        server.hasOpenBatch = true
        if let operation { server.add(operation) }
        server.expected.append(Expected(kind))
        toServer.forward(bytes, start, end)
        return nil
    }

    func skipBody(_ end: Int, _ bytes: RawSpan, _ client: ClientSession) {
        client.passThrough = end &- min(end, bytes.byteCount)
        client.passDiscarded = true
    }

    /// Remembers what a portal was bound to if its statement has effects, forgets it if not.
    func notePortal(_ portal: RawSpan, _ entry: StatementEntry?, _ client: ClientSession) {
        let matters = entry.map { !$0.facts.flags.isDisjoint(with: Self.interesting) } ?? false
        if !matters {
            if client.extra?.portals != nil { client.extra?.portals?.remove(portal.toArray()) }
            return
        }
        guard let entry else { return }
        let extra = client.more()
        if extra.portals == nil { extra.portals = NameTable(hasher: nameHash) }
        extra.portals?.set(portal.toArray(), entry)
    }
}
