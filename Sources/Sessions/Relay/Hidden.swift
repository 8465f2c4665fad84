import ByteKit
public import PostgresWire
import SQLText
import Settings

/// What the proxy itself asks of a server between its clients' statements.
extension SessionEnvironment {
    /// A simple Query whose answer no client sees; the bytes to send.
    public func hidden(_ sql: [UInt8], _ server: ServerSession) -> [UInt8] {
        server.hiddenError = nil
        server.hiddenRows.removeAll()
        server.unnamed = .none
        server.expected.append(Expected(.query, hidden: true))
        var out = ByteWriter(capacity: sql.count + 8)
        let mark = out.begin(FrontendTag.query)
        out.raw(sql)
        out.u8(0)
        out.end(mark)
        return out.take()
    }

    /// The server has the client's settings now.
    public func adoptSettings(of client: ClientSession, _ server: ServerSession) { server.settings = client.settings }

    /// Tells a client that has a new server which reported values differ from those it knows; empty if none do.
    public func statusChanges(for client: ClientSession, _ server: ServerSession) -> [UInt8] {
        if client.status === server.status { return [] }
        var out = ByteWriter()
        server.status.writeChanges(since: client.status, to: &out)
        client.status = server.status
        return out.take()
    }

    /// Ends a batch its client will not end, so that nothing of it is committed: an Execute that is sure to fail, then
    /// the Sync; the bytes to send.
    public func endBatch(_ server: ServerSession) -> [UInt8] {
        guard server.hasOpenBatch || server.isSkipping else { return [] }
        server.hasOpenBatch = false
        var out = ByteWriter()
        if !server.isSkipping {
            server.expected.append(Expected(.execute, hidden: true))
            out.failingExecute()
        }
        server.expected.append(Expected(.sync, hidden: true))
        out.bare(FrontendTag.sync)
        return out.take()
    }

    /// Ends a COPY whose client has gone; the bytes to send.
    public func refuseCopy(_ server: ServerSession) -> [UInt8] {
        server.isCopyingIn = false
        var out = ByteWriter()
        let mark = out.begin(FrontendTag.copyFail)
        out.cString("the client has disconnected")
        out.end(mark)
        return out.take()
    }

    /// After DISCARD ALL: the session is as new. After some other reset query (not `isCertain`) the same, but prepared
    /// statements may still be there.
    public func forgetEverything(_ server: ServerSession, isCertain: Bool) {
        server.settings = profiles.empty
        if isCertain { server.statements.removeAll() } else { server.statements.doubtAll() }
        server.unanswered.removeAll()
        server.unnamed = .none
    }
}

extension ServerSession {
    /// The error that answered the last hidden query, if one did.
    public func takeHiddenError() -> ServerError? {
        defer { hiddenError = nil }
        return hiddenError
    }

    /// Whether it reads COPY data and nothing else.
    public var isReceivingCopy: Bool { isCopyingIn }
}

/// The question what session state is left on a server.
enum SessionProbe {
    /// One row of three booleans: temporary objects, advisory locks, holdable cursors.
    static let text = Array(
        """
        SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()), \
        EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()), \
        EXISTS (SELECT 1 FROM pg_catalog.pg_cursors WHERE is_holdable)
        """.utf8)
    /// Rows of name and value: every setting made in the session.
    static let settings = Array(
        """
        ;SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' \
        UNION ALL SELECT 'role', pg_catalog.current_setting('role') \
        WHERE pg_catalog.current_setting('role') <> 'none'
        """.utf8)

    /// Custom settings (those with a dot) that code made under names nobody here has read cannot be listed: they go, so
    /// that the next client does not find them. What could be listed is made again when it is needed.
    static let reset = Array(";RESET ALL".utf8)

    /// One more row for a setting that `pg_settings` may not show (those with a dot do not stand there).
    static func value(of name: String) -> [UInt8] {
        let literal = SettingText.literal(name)
        return Array(" UNION ALL SELECT ".utf8) + literal + Array(", pg_catalog.current_setting(".utf8) + literal
            + Array(", true)".utf8)
    }
}

extension SessionEnvironment {
    /// Asks a server what state its client has left on it; the bytes to send.
    public func probe(_ client: ClientSession, _ server: ServerSession) -> [UInt8] {
        var text = SessionProbe.text
        if let extra = client.extra, extra.suspects.contains(.unknown) {
            text += SessionProbe.settings
            var names = extra.unread
            for entry in client.settings.entries where entry.name.contains(".") { names.insert(entry.name) }
            for name in names.sorted() { text += SessionProbe.value(of: name) }
            if extra.hasRunCode { text += SessionProbe.reset }
        }
        return hidden(text, server)
    }

    /// Takes the answer to `probe`: pins are exact afterwards, and so are settings that had become unknown.
    public func takeProbe(_ client: ClientSession, _ server: ServerSession) {
        defer { server.hiddenRows.removeAll() }
        guard let extra = client.extra else { return }
        var pins = extra.pins.intersection([.loadedLibrary, .channels])
        if extra.suspects.contains(.loadedLibrary) { pins.insert(.loadedLibrary) }
        guard let row = server.hiddenRows.first, row.count == 3, server.takeHiddenError() == nil else {
            extra.pins = pins.union(.unknown)
            return
        }
        if row[0] == [0x74] { pins.insert(.temporaryTables) }
        if row[1] == [0x74] { pins.insert(.advisoryLocks) }
        if row[2] == [0x74] { pins.insert(.holdCursors) }
        if extra.suspects.contains(.unknown) { readSettings(client, server) }
        extra.suspects = []
        extra.hasRunCode = false
        extra.unread = []
        extra.pins = pins
    }

    /// Asks a server that no client has had for every setting made in its session; the bytes to send.
    public func askForSettings(_ server: ServerSession) -> [UInt8] {
        hidden(Array(SessionProbe.settings.dropFirst()), server)
    }

    /// Takes the answer to `askForSettings`: these are the server's settings from now on.
    public func takeSettings(_ server: ServerSession) {
        var entries: [SettingEntry] = []
        for row in server.hiddenRows where row.count == 2 {
            guard let name = row[0], let value = row[1] else { continue }
            let key = String(decoding: name, as: UTF8.self).lowercased()
            let text = String(decoding: value, as: UTF8.self)
            entries.append(SettingEntry(name: key, replay: SettingText.configuration(key, text)))
        }
        server.hiddenRows.removeAll()
        server.settings = profiles.intern(entries)
    }

    private func readSettings(_ client: ClientSession, _ server: ServerSession) {
        var entries = client.settings.entries.filter { $0.name == "session_authorization" }
        for row in server.hiddenRows.dropFirst() where row.count == 2 {
            guard let name = row[0], let value = row[1] else { continue }
            let key = String(decoding: name, as: UTF8.self).lowercased()
            let text = String(decoding: value, as: UTF8.self)
            if let known = client.base[key], known.replay == SettingText.assignment(key, text) {
                entries.append(known)
                continue
            }
            entries.append(SettingEntry(name: key, replay: SettingText.configuration(key, text)))
        }
        client.settings = profiles.intern(entries)
        if client.extra?.hasRunCode == true {
            server.settings = profiles.intern(entries.filter { SettingText.isIdentity($0.name) })
        } else {
            server.settings = client.settings
        }
    }
}

extension ClientSession {
    /// Whether a server this client leaves now, in the middle of whatever it does, may keep something of it that nobody
    /// would know of: what completes from here on is no longer followed.
    public func leavesState(on server: ServerSession) -> Bool {
        mode == .session || !pins.isEmpty || hasSuspects || extra?.beforeTransaction != nil || !server.tracked.isEmpty
    }

    /// Something was done that may have left state on the server, or taken it away.
    public var hasSuspects: Bool { extra.map { !$0.suspects.isEmpty } ?? false }
}

extension ByteWriter {
    /// Execute of a portal that cannot exist: makes a server fail at this place.
    mutating func failingExecute() {
        let mark = begin(FrontendTag.execute)
        cString("hg_refused")
        u32(0)
        end(mark)
    }
}
