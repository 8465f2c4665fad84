import ByteKit
import MySQLWire
import SQLText

/// The rules of applications, for MySQL's commands.
extension MySQLEnvironment {
    /// Whether a command may be sent: nil if so; `.drained` if it has been answered with an error.
    func rule(
        _ command: MySQLCommand, _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession,
        _ server: MySQLServerSession?
    ) -> MySQLStop? {
        guard let rules = client.rules, command.runsStatement || command == .prepare else {
            return client.rules?.isReadOnly == true ? ruleWriting(command, bytes, packet, client) : nil
        }
        let hasText = command == .query || command == .prepare
        if hasText, rules.isTooLong(packet.length &- 1) {
            return refuse(bytes, packet, client, rules.refuse(mysql: .text(rules, packet.length &- 1)))
        }
        var entry: StatementEntry?
        if hasText {
            guard packet.length < MySQLPacket.longestBody, packet.length <= maxInspectedStatement else {
                if rules.isReadOnly { return refuse(bytes, packet, client, rules.refuse(mysql: .write(rules))) }
                return rulePermit(command, nil, client, rules, server)
            }
            guard packet.end <= bytes.byteCount else { return nil }
            entry = self.entry(of: bytes.extracting((packet.body &+ 1)..<packet.end), for: client)
        } else if packet.body &+ 5 <= min(packet.end, bytes.byteCount) {
            let id = bytes.le32(at: packet.body &+ 1)
            entry = client.statements.find(id == .max ? client.statements.last ?? id : id)?.entry
        }
        if rules.isReadOnly, let entry, !entry.onlyReadsForCertain {
            return refuse(bytes, packet, client, rules.refuse(mysql: .write(rules)))
        }
        return rulePermit(command, entry, client, rules, server)
    }

    private func rulePermit(
        _ command: MySQLCommand, _ entry: StatementEntry?, _ client: MySQLClientSession, _ rules: StatementRules,
        _ server: MySQLServerSession?
    ) -> MySQLStop? {
        // Without a server it asks for one, and is given its permit with it.
        guard command.runsStatement, rules.needsPermit, server != nil, entry?.facts.endsTransaction != true else {
            return nil
        }
        guard client.mayStart else { return .needPermit }
        client.extraStatements &+= max(0, (entry?.facts.statements.count ?? 1) &- 1)
        return nil
    }

    /// Commands that write without a text.
    private func ruleWriting(
        _ command: MySQLCommand, _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession
    ) -> MySQLStop? {
        guard let rules = client.rules, [.createDatabase, .dropDatabase, .refresh, .shutdown].contains(command) else {
            return nil
        }
        return refuse(bytes, packet, client, rules.refuse(mysql: .write(rules)))
    }

    private func refuse(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ error: MySQLError
    ) -> MySQLStop {
        _ = discard(bytes, packet, client, error)
        return .drained
    }
}

extension MySQLClientSession {
    /// How many statements it has run without a permit; from now on, none.
    public func takeExtraStatements() -> Int {
        defer { extraStatements = 0 }
        return extraStatements
    }
}

extension MySQLCommand {
    /// Whether it counts as a statement of its application.
    var runsStatement: Bool { self == .query || self == .execute || self == .bulkExecute }
}
