import ByteKit
import PostgresWire
import SQLText

/// A text whose names of statements were replaced by the server's.
struct RenamedText {
    /// Where a name was replaced.
    struct Shift {
        /// Characters up to the end of the server's name.
        let end: Int
        /// How many characters the server's name is longer.
        let growth: Int
    }

    let bytes: [UInt8]
    /// In the order of the text.
    let shifts: [Shift]

    /// How many characters a text has; every byte is one in encodings other than UTF-8.
    static func characters(_ text: ArraySlice<UInt8>) -> Int {
        text.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
    }
}

/// What a server says about names and places that are not the client's, in the client's terms.
extension SessionEnvironment {
    /// The body of an ErrorResponse with statement names and the position as the client knows them; nil if it is
    /// right as it is. Called before what the error undoes is undone.
    func translated(
        _ body: RawSpan, answering head: Expected, _ server: ServerSession, for client: ClientSession
    ) -> [UInt8]? {
        guard client.prepared != nil || client.extra != nil else { return nil }
        let placed = replaced(body, answering: head, server, client)
        let source = placed ?? body.toArray()
        return renamed(source, for: client) ?? placed
    }

    /// Remembers where the names of a text were, for errors that say where in the text they are.
    func note(_ text: RenamedText, for serial: UInt64, _ client: ClientSession) {
        let extra = client.more()
        if extra.shifts.count >= 1024 { extra.shifts.removeAll() }
        extra.shifts[serial] = text.shifts
    }

    /// With the position (field `P`) in the client's text.
    private func replaced(
        _ body: RawSpan, answering head: Expected, _ server: ServerSession, _ client: ClientSession
    ) -> [UInt8]? {
        guard let known = client.extra?.shifts, !known.isEmpty else { return nil }
        let asked: UInt64? =
            switch head.kind {
            case .query, .execute: head.isTracked ? server.tracked.first.map { serial($0.entry) } : nil
            case .parse, .trialParse: server.operations.first?.serial
            case .bind, .describeStatement, .describePortal, .closeStatement, .closePortal, .sync, .functionCall,
                .owedParseComplete, .owedCloseComplete, .failure, .endOfCopyData:
                nil
            }
        guard let asked, let shifts = known[asked] else { return nil }
        var cursor = ByteCursor(body)
        while let field = cursor.u8(), field != 0 {
            guard let value = cursor.cString() else { return nil }
            guard field == 0x50, let position = Int(cursor.string(value)) else { continue }
            let growth = shifts.reduce(0) { position > $1.end ? $0 &+ $1.growth : $0 }
            return body.extracting(0..<value.lowerBound).toArray() + Array("\(position &- growth)".utf8)
                + body.extracting(value.upperBound..<body.byteCount).toArray()
        }
        return nil
    }

    private func renamed(_ source: [UInt8], for client: ClientSession) -> [UInt8]? {
        guard client.prepared != nil || client.extra?.sqlNames.isEmpty == false else { return nil }
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
