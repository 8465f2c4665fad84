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

    /// A transaction has been ended: with `RELEASE`, said or set, the server ends the session as well.
    func noteRelease(_ entry: StatementEntry, _ client: MySQLClientSession) {
        let setting = client.settings["completion_type"]?.replay ?? []
        let isSet = setting.last == UInt8(ascii: "2") || Self.mentionsRelease(setting)
        guard isSet || entry.textLength > 12, entry.textLength < 4096 else { return }
        entry.withText { text in
            let bytes = text.toArray()
            let says = Self.mentionsRelease(bytes)
            guard isSet || says else { return }
            let words = String(decoding: bytes, as: UTF8.self).lowercased().split { !$0.isLetter }
            guard let at = words.lastIndex(of: "release") else {
                client.isReleased = !words.contains("chain")
                return
            }
            client.isReleased = at == 0 || words[at - 1] != "no"
        }
    }

    private static func mentionsRelease(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 7 && String(decoding: bytes, as: UTF8.self).lowercased().contains("release")
    }
}
