import ByteKit
import Glibc
import MySQLWire
import Testing

@testable import Credentials
@testable import Sessions

/// A server that only lets in, for real clients: `HEADGATE_MYSQL_LISTEN` holds its port, as the integration test
/// `test_mysql_wire.py` sets it. A connection of user `stop` ends it.
@Suite struct MySQLLiveServerTests {
    static let port: UInt16 = unsafe getenv("HEADGATE_MYSQL_LISTEN").flatMap { unsafe UInt16(String(cString: $0)) } ?? 0

    private final class World {
        let keys = RSAKeyPair()
        var cached: [String: SecretBytes] = [:]
        var isOver = false
    }

    private func secret(of user: String) -> MySQLSecret? {
        let password = SecretBytes(user + " secret")
        switch user {
        case "plain": return .plain(password)
        case "native": return MySQLNative.storedHash(password: password).map { .native($0) }
        case "sha": return CachingSHA2Verifier.derive(password: password).map { .cachingSHA2($0) }
        case "ed": return .ed25519(publicKey: MariaDBEd25519.publicKey(password: password))
        default: return nil
        }
    }

    @Test(.enabled(if: port != 0)) func realClientsAreLetIn() throws {
        let world = World()
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var yes: CInt = 1
        unsafe setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = Self.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 16) == 0)
        while !world.isOver {
            let client = accept(listener, nil, nil)
            serve(client, world)
            close(client)
        }
    }

    private func serve(_ descriptor: CInt, _ world: World) {
        let handshake = MySQLHandshake(
            serverVersion: "8.0.40-headgate", connectionID: 7, nonce: MySQLClientLogin.freshNonce(),
            capabilities: MySQLServerLogin.usual.union(.connectWithDatabase), authPlugin: AuthPluginName.cachingSHA2)
        let machine = MySQLClientLogin(handshake: handshake, host: "127.0.0.1", publicKey: world.keys?.publicPEM)
        send(machine.greeting(), descriptor)
        var kept: [UInt8] = []
        guard login(machine, &kept, descriptor, world) else { return }
        while true {
            guard let payload = command(&kept, descriptor) else { return }
            switch MySQLCommand(rawValue: payload.first ?? 0) {
            case .quit?: return
            case .changeUser?:
                let step = payload.withSpan { machine.changeUser($0, sequence: 0) }
                guard login(machine, &kept, descriptor, world, first: step) else { return }
            default: ok(1, machine, descriptor)
            }
        }
    }

    /// Runs a login to its end; answers whether the client is in.
    private func login(
        _ machine: MySQLClientLogin, _ kept: inout [UInt8], _ descriptor: CInt, _ world: World,
        first: MySQLClientLoginStep = .needBytes
    ) -> Bool {
        var step = first
        var user = ""
        while true {
            switch step {
            case .needBytes:
                let more = receive(descriptor)
                if more.isEmpty { return false }
                kept += more
                step = next(machine, &kept)
            case .reply(let bytes):
                send(bytes, descriptor)
                step = next(machine, &kept)
            case .startup(let response):
                user = response.user
                step = begin(user, machine, world)
            case .changeUser(let command):
                user = command.user
                step = begin(user, machine, world)
            case .check(let password, let secret): step = machine.checked(secret.matches(password: password))
            case .decrypt(let message, let nonce): step = machine.decrypted(world.keys?.decrypt(message, nonce: nonce))
            case .accepted(let proof):
                if case .password(let password) = proof {
                    world.cached[user] = CachingSHA2.cachedHash(password: password)
                }
                send(machine.pending, descriptor)
                ok(machine.sequence, machine, descriptor)
                return true
            case .refused(let bytes):
                send(bytes, descriptor)
                return false
            case .startTLS, .publicKeyWanted, .closeSilently: return false
            }
        }
    }

    private func next(_ machine: MySQLClientLogin, _ kept: inout [UInt8]) -> MySQLClientLoginStep {
        let (consumed, step) = kept.withSpan { machine.received($0) }
        kept.removeFirst(consumed)
        return step
    }

    private func begin(_ user: String, _ machine: MySQLClientLogin, _ world: World) -> MySQLClientLoginStep {
        if user == "stop" { world.isOver = true }
        guard let secret = secret(of: user) else {
            return machine.begin(.secret(.mock(like: .native(SecretBytes("x"))), cached: nil, isMock: true))
        }
        return machine.begin(.secret(secret, cached: world.cached[user], isMock: false))
    }

    private func command(_ kept: inout [UInt8], _ descriptor: CInt) -> [UInt8]? {
        while true {
            let scanned = kept.withSpan { scanPacket($0, at: 0) }
            if case .header(_, let body, let end) = scanned, end <= kept.count {
                let payload = Array(kept[body..<end])
                kept.removeFirst(end)
                return payload
            }
            let more = receive(descriptor)
            if more.isEmpty { return nil }
            kept += more
        }
    }

    private func ok(_ sequence: UInt8, _ machine: MySQLClientLogin, _ descriptor: CInt) {
        var out = ByteWriter()
        let mark = out.beginPacket(sequence)
        OKPacket(status: .autocommit).write(to: &out, machine.capabilities, source: RawSpan())
        out.endPacket(mark)
        send(out.take(), descriptor)
    }

    private func receive(_ descriptor: CInt) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        return Array(buffer[..<max(count, 0)])
    }

    private func send(_ bytes: [UInt8], _ descriptor: CInt) {
        if !bytes.isEmpty { _ = unsafe Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }
    }
}
