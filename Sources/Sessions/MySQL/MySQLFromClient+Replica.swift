import ByteKit
import MySQLWire
import SQLText

/// Commands of replicas, and statements that end the session.
extension MySQLEnvironment {
    /// The binary log is sent on a server of the client's own, which has what the client has set.
    func replica(
        _ bytes: RawSpan, _ packet: Packet, _ client: MySQLClientSession, _ server: MySQLServerSession?,
        _ command: MySQLCommand
    ) -> MySQLStop? {
        if let stop = needs(client, server) { return stop }
        guard let server else { return .needServer }
        guard command == .registerReplica else { return .ownServer }
        // The server knows of the replica until the connection ends.
        server.isSpoiled = true
        client.more().add(.unknown)
        client.pins.insert(.unknown)
        client.running = nil
        client.executing = nil
        forward(bytes, packet, client, server, command)
        return nil
    }

    /// With `completion_type = 2` a COMMIT ends the session, unless it says `AND CHAIN` or `NO RELEASE`.
    func keeps(_ entry: StatementEntry) -> Bool {
        if entry.facts.traits.contains(.chains) { return true }
        guard entry.textLength < 4096 else { return false }
        let words = entry.withText { String(decoding: $0.toArray(), as: UTF8.self).lowercased() }.split { !$0.isLetter }
        guard let at = words.lastIndex(of: "release"), at > 0 else { return false }
        return words[at - 1] == "no"
    }
}
