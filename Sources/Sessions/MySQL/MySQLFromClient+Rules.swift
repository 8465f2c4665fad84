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
        guard let rules = client.rules else { return nil }
        guard command.runsStatement else { return nil }
        // Without a server it is answered without one, or asks for one and is given its permit with it.
        guard rules.needsPermit, server != nil, !client.mayStart else { return nil }
        if command == .query {
            guard packet.length <= maxInspectedStatement, packet.length < MySQLPacket.longestBody else {
                return .needPermit
            }
            guard packet.end <= bytes.byteCount else { return nil }
            let entry = entry(of: bytes.extracting((packet.body &+ 1)..<packet.end), for: client)
            if entry.facts.endsTransaction { return nil }
        }
        return .needPermit
    }
}

extension MySQLCommand {
    /// Whether it counts as a statement of its application.
    var runsStatement: Bool { self == .query || self == .execute || self == .bulkExecute }
}
