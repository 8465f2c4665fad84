import ByteKit
import PostgresWire
import SQLText
import Settings

/// Simple Query and the messages of the extended protocol, from a client that has a server.
extension SessionEnvironment {
    static let interesting: StatementFlags = [.hasEffects, .transactionControl]

    /// Query (`Q`): one NUL-terminated text.
    func query(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        var permit = false
        if client.rules != nil {
            switch ruleQuery(body, end, at: start, bytes, client, server) {
            case .refused: return nil
            case .waits: return .needPermit
            case .allowed(let needed): permit = needed
            }
        }
        let stop = allowedQuery(body, end, at: start, bytes, client, server)
        if permit { client.used(permit, stop) }
        return stop
    }

    @inline(__always)
    private func allowedQuery(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        guard end <= bytes.byteCount else {
            if end &- start <= maxInspectedStatement { return .needBytes(end &- start) }
            if client.trail != nil, let stop = admit(unread: end, at: start, bytes, client, server) { return stop.stop }
            dropUnnamed(bytes, client, server)
            expect(.query, client, server)
            client.more().suspects.insert(.unknown)
            client.more().hasRunCode = true
            stream(end, at: start, bytes, client)
            return nil
        }
        guard end > body else { return .fatal(Self.malformed("invalid Query message")) }
        if QuickLook.leavesNoTrace(bytes.extracting(body..<(end &- 1))) {
            if client.trail != nil, let stop = admit(query: nil, end, at: start, bytes, client, server) {
                return stop.stop
            }
            dropUnnamed(bytes, client, server)
            toServer.forward(bytes, start, end)
            expect(.query, client, server)
            return nil
        }
        let entry = statements.entry(text: bytes.extracting(body..<(end &- 1)), types: bytes.extracting(body..<body))
        if entry.facts.flags.isDisjoint(with: Self.interesting) {
            if client.trail != nil, let stop = admit(query: entry, end, at: start, bytes, client, server) {
                return stop.stop
            }
            dropUnnamed(bytes, client, server)
            toServer.forward(bytes, start, end)
            expect(.query, client, server)
        } else {
            return queryWithEffects(entry, end, at: start, bytes, client, server)
        }
        return nil
    }

    /// A Query is about to be sent: the unnamed statement goes with it. But an error in the batch before it skips the
    /// Query too, and then the unnamed statement lives on: a Close that shares the Query's fate tells.
    @inline(__always)
    func dropUnnamed(_ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession) {
        let isGone = server.unnamed == .none && server.isUnnamedCertain
        server.unnamed = .none
        guard server.hasOpenBatch else {
            client.unnamed = nil
            client.unnamedDrops &+= 1
            return
        }
        // What an earlier batch did to it may still be undone, and another client's must not come back.
        guard client.unnamed != nil || server.hasUndecided || !isGone else { return }
        server.unnamedUnanswered = server.batch
        server.add(
            StatementOperation(
                kind: .closeUnnamed, previousUnnamed: client.unnamed, unnamedDrops: client.unnamedDrops))
        server.expected.append(Expected(.closeStatement, hidden: true))
        toServer.make(bytes) { $0.close(0x53, []) }
        client.unnamed = nil
    }

    /// Parse (`P`): name, text, parameter types.
    func parse(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        if let rules = client.rules, rules.isTooLong(end &- body &- 4) {
            fail(rules.refuse(.text(rules, end &- body &- 4)), bytes, server)
            skipBody(end, bytes, client)
            return nil
        }
        guard end <= bytes.byteCount else {
            if end &- start <= maxInspectedStatement { return .needBytes(end &- start) }
            return .fatal(
                PostgresError(
                    .fatal, "54000", "a statement of \(end &- start) bytes is too long to be prepared",
                    detail: "The longest is \(maxInspectedStatement) bytes.",
                    hint: "Raise max_inspected_statement, or send it as a simple query."))
        }
        var cursor = ByteCursor(bytes.extracting(body..<end))
        guard let name = cursor.cString(), let text = cursor.cString(), let types = cursor.i16(), types >= 0,
            let oids = cursor.take(Int(types) &* 4), cursor.remaining == 0
        else {
            // The server's own error is the right one; nothing is remembered.
            return passUnread(.parse, StatementOperation(kind: .evict), at: start, end, bytes, server)
        }
        let message = bytes.extracting(body..<end)
        if !name.isEmpty && server.isUndecided(message.extracting(name)) { return .tooManyInFlight }
        let entry = statements.entry(text: message.extracting(text), types: message.extracting(oids))
        if isUndecided(entry, server) { return .tooManyInFlight }
        if let rules = client.rules, rules.isReadOnly, !entry.onlyReadsForCertain {
            fail(rules.refuse(.write(rules)), bytes, server)
            return nil
        }
        tally.clientParses &+= 1
        tally.isSome = true
        let parsed = client.trail.flatMap { noteParse(entry, end &- start, $0) }
        if entry.facts.flags.contains(.hasEffects),
            let rewritten = rewriteNames(message.extracting(text), entry, isSimple: false, bytes, client, server)
        {
            // The same message with other names in the text, taken up as if the client had sent that.
            return parseRewritten(rewritten, message, name, oids, parsed, bytes, client, server)
        }
        if name.isEmpty {
            let isFirst = !server.hasOpenBatch
            server.hasOpenBatch = true
            server.add(
                StatementOperation(
                    kind: .parseUnnamed, serial: serial(entry), previousUnnamed: client.unnamed,
                    parsed: parsed, unnamedDrops: client.unnamedDrops))
            client.unnamed = entry
            server.unnamed = .serial(serial(entry))
            // The first message of a batch is never skipped, so another client's statement is gone in any case.
            server.unnamedUnanswered = isFirst ? nil : server.batch
            tally.serverParses &+= 1
            server.expected.append(Expected(.parse))
            toServer.forward(bytes, start, end)
            return nil
        }
        parseNamed(
            message, name, tail: message.extracting(text.lowerBound..<message.byteCount), entry, parsed, bytes, client,
            server)
        return nil
    }

    private func parseRewritten(
        _ text: RenamedText, _ message: RawSpan, _ name: Range<Int>, _ oids: Range<Int>, _ parsed: OpenStatement?,
        _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        let types = message.extracting(oids)
        let entry = text.bytes.withSpan { statements.entry(text: $0, types: types) }
        note(text, for: serial(entry), client)
        server.hasOpenBatch = true
        var tail = ByteWriter(capacity: text.bytes.count + 16)
        tail.raw(text.bytes)
        tail.u8(0)
        tail.i16(Int16(truncatingIfNeeded: types.byteCount / 4))
        tail.span(types)
        let rest = tail.take()
        guard name.isEmpty else {
            rest.withSpan { parseNamed(message, name, tail: $0, entry, parsed, bytes, client, server) }
            return nil
        }
        server.add(
            StatementOperation(
                kind: .parseUnnamed, serial: serial(entry), previousUnnamed: client.unnamed, parsed: parsed,
                unnamedDrops: client.unnamedDrops))
        client.unnamed = entry
        server.unnamed = .serial(serial(entry))
        server.unnamedUnanswered = server.batch
        tally.serverParses &+= 1
        server.expected.append(Expected(.parse))
        toServer.make(bytes) { out in
            let mark = out.begin(FrontendTag.parse)
            out.u8(0)
            out.raw(rest)
            out.end(mark)
        }
        return nil
    }

    /// `tail` is the message from its text on.
    private func parseNamed(
        _ message: RawSpan, _ name: Range<Int>, tail: RawSpan, _ entry: StatementEntry, _ parsed: OpenStatement?,
        _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) {
        let clientName = message.extracting(name)
        if client.prepared?.find(clientName) != nil {
            refuseSecond(clientName, tail: tail, bytes, server)
            return
        }
        guard client.preparedCount < maxClientStatements else {
            fail(
                PostgresError(
                    .error, "53400",
                    "this connection has prepared \(client.preparedCount) statements, the most it may have",
                    hint: "Close prepared statements that are no longer used."), bytes, server)
            return
        }
        let nameBytes = clientName.toArray()
        _ = client.setStatement(nameBytes, ClientStatement(entry: entry, sqlDefinition: nil), nameHash)
        let serial = serial(entry)
        // In a failed transaction the server must refuse it, and whether it has failed is not known before what was
        // sent with a Sync of its own is answered.
        let mayFail = server.transaction == .failed || server.expected.syncs > 0
        if mayFail && server.statements.touch(serial) { server.statements.doubtful.insert(serial) }
        if !mayFail && isHeld(serial, server) {
            server.expected.append(Expected(.owedParseComplete))
            server.add(StatementOperation(kind: .parseHeld, serial: serial, name: nameBytes))
            // Only when something else was sent of its batch does it share the fate of that.
            settleOwed(bytes, server)
            return
        }
        server.hasOpenBatch = true
        enter(serial, bytes, server)
        tally.serverParses &+= 1
        server.parseSent(serial)
        server.expected.append(Expected(.parse))
        server.add(StatementOperation(kind: .parseNamed, serial: serial, name: nameBytes, parsed: parsed))
        toServer.make(bytes) { out in
            let mark = out.begin(FrontendTag.parse)
            ServerName.write(serial, to: &out)
            out.u8(0)
            out.span(tail)
            out.end(mark)
        }
    }

    /// Parse under a name the client uses already. PostgreSQL looks at the text first: what is wrong with it, or an
    /// aborted transaction, comes before 42P05. So it is parsed under a name that means nothing.
    private func refuseSecond(_ name: RawSpan, tail: RawSpan, _ bytes: RawSpan, _ server: ServerSession) {
        let nobodys = Array("hg_twice".utf8)
        server.add(StatementOperation(kind: .evict))
        server.expected.append(Expected(.closeStatement, hidden: true))
        server.add(StatementOperation(kind: .evict))
        server.expected.append(Expected(.trialParse))
        toServer.make(bytes) { out in
            out.close(0x53, nobodys)
            let mark = out.begin(FrontendTag.parse)
            out.raw(nobodys)
            out.u8(0)
            out.span(tail)
            out.end(mark)
        }
        fail(
            PostgresError(.error, "42P05", "prepared statement \"\(Self.text(name))\" already exists"), bytes, server)
    }

    /// Bind (`B`): portal, statement, then parameters, which may be long and are passed on as they come.
    func bind(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        let here = min(end, bytes.byteCount)
        guard let portalEnd = bytes.firstIndex(of: 0, from: body, to: here),
            let nameEnd = bytes.firstIndex(of: 0, from: portalEnd &+ 1, to: here)
        else {
            if end > bytes.byteCount {
                guard end &- start <= maxInspectedStatement else {
                    return .fatal(Self.malformed("names in Bind message are too long"))
                }
                return .needBytes(end &- start)
            }
            return passUnread(.bind, nil, at: start, end, bytes, server)
        }
        let name = bytes.extracting((portalEnd &+ 1)..<nameEnd)
        let statement = name.byteCount == 0 ? nil : client.prepared?.find(name)
        if isUndecided(name, statement?.entry ?? client.unnamed, server) { return .tooManyInFlight }
        if let rules = client.rules, rules.isReadOnly, let entry = statement?.entry ?? client.unnamed,
            !entry.onlyReadsForCertain
        {
            // It was prepared before that was so.
            fail(rules.refuse(.write(rules)), bytes, server)
            skipBody(end, bytes, client)
            return nil
        }
        tally.binds &+= 1
        tally.isSome = true
        let isFirst = beginsBatch(server)
        server.hasOpenBatch = true
        let portal = bytes.extracting(body..<portalEnd)
        if name.byteCount == 0 {
            prepareUnnamed(bytes, client, server)
            notePortal(portal, client.unnamed, client)
            if let trail = client.trail { bound(portal, client.unnamed, nameEnd &+ 1, end, bytes, trail) }
            server.expected.append(Expected(.bind))
            stream(end, at: start, bytes, client)
            return nil
        }
        guard let statement else {
            notePortal(portal, nil, client)
            if let trail = client.trail { bound(portal, nil, nameEnd &+ 1, end, bytes, trail) }
            if ServerName.looksLikeOurs(name) {
                failUnknownStatement(name, bytes, server)
                skipBody(end, bytes, client)
            } else {
                server.expected.append(Expected(.bind))
                stream(end, at: start, bytes, client)
            }
            return nil
        }
        let serial = prepareNamed(statement, bytes, server)
        if statement.entry.facts.flags.contains(.hasEffects) {
            ensureReferences(statement.entry, bytes, client, server)
        }
        if isFirst { server.retry.begin(serial, at: start) }
        notePortal(portal, statement.entry, client)
        if let trail = client.trail { bound(portal, statement.entry, nameEnd &+ 1, end, bytes, trail) }
        server.expected.append(Expected(.bind))
        toServer.make(bytes) { out in
            out.u8(FrontendTag.bind)
            let written = out.count &+ 4
            out.u32(0)
            out.span(bytes.extracting(body...portalEnd))
            ServerName.write(serial, to: &out)
            out.u8(0)
            // The length counts itself and everything after the names, which is sent from where it lies.
            let length = out.count &- written &+ 4 &+ (end &- nameEnd &- 1)
            out.patch(written &- 4, UInt32(truncatingIfNeeded: length))
        }
        stream(end, at: nameEnd &+ 1, bytes, client)
        return nil
    }

    /// Whether what is sent now is the first the server gets of a batch, outside a transaction and with nothing owed.
    @inline(__always)
    private func beginsBatch(_ server: ServerSession) -> Bool {
        !server.hasOpenBatch && server.transaction == .idle && server.expected.isEmpty
    }

    /// Describe (`D`) and Close (`C`): `S` or `P`, then a name.
    func describeOrClose(
        _ tag: UInt8, _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession,
        _ server: ServerSession
    ) -> ClientStop? {
        guard end <= bytes.byteCount else {
            guard end &- start <= maxInspectedStatement else { return .fatal(Self.malformed("name is too long")) }
            return .needBytes(end &- start)
        }
        let isClose = tag == FrontendTag.close
        guard end &- body >= 2, bytes.u8(at: end &- 1) == 0, bytes.u8(at: body) == 0x53 else {
            // A portal, or something the server refuses.
            server.hasOpenBatch = true
            server.expected.append(Expected(isClose ? .closePortal : .describePortal))
            toServer.forward(bytes, start, end)
            return nil
        }
        let name = bytes.extracting((body &+ 1)..<(end &- 1))
        let statement = name.byteCount == 0 ? nil : client.prepared?.find(name)
        if isUndecided(name, statement?.entry ?? client.unnamed, server) { return .tooManyInFlight }
        if isClose { return closeStatement(name, at: start, end, bytes, client, server) }
        let isFirst = beginsBatch(server)
        server.hasOpenBatch = true
        if name.byteCount == 0 {
            prepareUnnamed(bytes, client, server)
            server.expected.append(Expected(.describeStatement))
            toServer.forward(bytes, start, end)
            return nil
        }
        guard let statement else {
            if ServerName.looksLikeOurs(name) {
                failUnknownStatement(name, bytes, server)
            } else {
                server.expected.append(Expected(.describeStatement))
                toServer.forward(bytes, start, end)
            }
            return nil
        }
        let serial = prepareNamed(statement, bytes, server)
        if statement.entry.facts.flags.contains(.hasEffects) {
            ensureReferences(statement.entry, bytes, client, server)
        }
        if isFirst { server.retry.begin(serial, at: start) }
        server.expected.append(Expected(.describeStatement))
        toServer.make(bytes) { out in
            let mark = out.begin(FrontendTag.describe)
            out.u8(0x53)
            ServerName.write(serial, to: &out)
            out.u8(0)
            out.end(mark)
        }
        return nil
    }

    /// The client forgets the statement; the server keeps it, for the next client with the same text.
    private func closeStatement(
        _ name: RawSpan, at start: Int, _ end: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        if name.byteCount == 0 {
            server.add(
                StatementOperation(
                    kind: .closeUnnamed, previousUnnamed: client.unnamed,
                    unnamedDrops: client.unnamedDrops))
            client.unnamed = nil
            server.unnamed = .none
            server.unnamedUnanswered = server.batch
            server.hasOpenBatch = true
            server.expected.append(Expected(.closeStatement))
            toServer.forward(bytes, start, end)
            return nil
        }
        let nameBytes = name.toArray()
        let previous = client.prepared?.remove(nameBytes)
        server.add(StatementOperation(kind: .closeNamed, name: nameBytes, previous: previous))
        server.expected.append(Expected(.owedCloseComplete))
        settleOwed(bytes, server)
        return nil
    }

    /// Execute (`E`): portal, row limit.
    func execute(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        guard end <= bytes.byteCount else {
            guard end &- start <= maxInspectedStatement else { return .fatal(Self.malformed("name is too long")) }
            return .needBytes(end &- start)
        }
        var permit = false
        if client.rules != nil {
            switch ruleExecute(body, end, bytes, client, server) {
            case .refused: return nil
            case .waits: return .needPermit
            case .allowed(let needed): permit = needed
            }
        }
        let stop = allowedExecute(body, end, at: start, bytes, client, server)
        if permit { client.used(permit, stop) }
        return stop
    }

    @inline(__always)
    private func allowedExecute(
        _ body: Int, _ end: Int, at start: Int, _ bytes: RawSpan, _ client: ClientSession, _ server: ServerSession
    ) -> ClientStop? {
        if client.trail != nil, let stop = admitExecute(body, end, at: start, bytes, client, server) {
            return stop.stop
        }
        var tracked = false
        if let portals = client.extra?.portals, !portals.isEmpty,
            let nameEnd = bytes.firstIndex(of: 0, from: body, to: end),
            let entry = portals.find(bytes.extracting(body..<nameEnd))
        {
            if isUndecided(entry, server) { return .tooManyInFlight }
            switch decideListen(entry, client, server) {
            case .pass: break
            case .wait(let channels): return .needChannels(channels)
            case .refuse(let error):
                if let trail = client.trail { trail.trail.refuseOpening(error) }
                fail(error, bytes, server)
                return nil
            }
            var text = willRun(entry, client, server)
            text.batch = server.batch
            server.tracked.append(text)
            tracked = true
        }
        server.hasOpenBatch = true
        expect(.execute, tracked: tracked, client, server)
        toServer.forward(bytes, start, end)
        return nil
    }

    static func text(_ name: RawSpan) -> String {
        unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
