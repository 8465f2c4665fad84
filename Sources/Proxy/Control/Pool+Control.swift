import ByteKit
import Credentials
import EventLoop
import PostgresWire
import Sessions
import Settings

extension Pool {
    /// The servers of this pool in this worker.
    private var servers: [ServerConnection] {
        var found: [ServerConnection] = []
        worker.servers.forEach { if $0.pool === self { found.append($0) } }
        return found
    }

    /// Closes its servers as soon as they are free; the idle ones now.
    func reconnect() {
        global.noteReconnect(at: worker.loop.nowMicros)
        for server in servers {
            server.closeNeeded = true
            if server.phase == .idle && server.cancelsInFlight == 0 { server.close("RECONNECT") }
        }
    }
}

extension UserRecord {
    /// Whether servers are logged in to as the same user with the same credential.
    func isSameAtServer(as other: UserRecord) -> Bool {
        serverUser == other.serverUser && StoredSecret.areSame(serverSecret, other.serverSecret)
            && (serverSecret != nil || StoredSecret.areSame(secret, other.secret))
    }
}

extension StoredSecret {
    /// Whether both hold the same.
    static func areSame(_ a: StoredSecret?, _ b: StoredSecret?) -> Bool {
        switch (a, b) {
        case (nil, nil): true
        case (.plain(let a)?, .plain(let b)?): a.equals(b)
        case (.md5(let a)?, .md5(let b)?): a.equals(b)
        case (.scram(let a)?, .scram(let b)?): a.encoded == b.encoded
        case (.plain?, _), (.md5?, _), (.scram?, _), (nil, _): false
        }
    }
}
