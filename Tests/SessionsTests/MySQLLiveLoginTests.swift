import ByteKit
import Credentials
import Glibc
import MySQLWire
import Testing

@testable import Sessions

/// Logins to a running server: `HEADGATE_MYSQL_LOGINS` holds `port user password plugin` lines, as the integration test
/// `test_mysql_wire.py` sets it.
@Suite struct MySQLLiveLoginTests {
    static let logins: [[String]] = {
        guard let value = unsafe getenv("HEADGATE_MYSQL_LOGINS") else { return [] }
        return unsafe String(cString: value).split(separator: "\n").map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }()

    @Test(.enabled(if: !logins.isEmpty), arguments: logins)
    func theServerLetsUsIn(_ login: [String]) throws {
        let port = try #require(UInt16(login[0]))
        let password = SecretBytes(login[2])
        // Twice: the first time a server may want the password itself, the second time it has it in its cache.
        for _ in 0..<2 {
            let machine = MySQLServerLogin(
                user: login[1], database: "app", credential: password.count > 0 ? .password(password) : .none)
            let descriptor = try #require(connectTo(port))
            defer { close(descriptor) }
            try talk(machine, descriptor)
            // And once more on the same connection.
            send(machine.changeUser(), descriptor)
            try talk(machine, descriptor)
            var ping = ByteWriter()
            ping.command(.ping)
            send(ping.take(), descriptor)
            #expect(receive(descriptor).dropFirst(4).first == 0)
        }
        let wrong = MySQLServerLogin(
            user: login[1], database: "app", credential: .password(SecretBytes("certainly wrong")))
        let descriptor = try #require(connectTo(port))
        defer { close(descriptor) }
        #expect(throws: MySQLServerLoginFailure.self) { try talk(wrong, descriptor) }
    }

    private func talk(_ machine: MySQLServerLogin, _ descriptor: CInt) throws {
        var kept: [UInt8] = []
        while true {
            let part = receive(descriptor)
            try #require(!part.isEmpty, "the server closed the connection")
            kept += part
            let (consumed, step) = kept.withSpan { machine.received($0) }
            kept.removeFirst(consumed)
            switch step {
            case .needBytes: break
            case .send(let bytes): send(bytes, descriptor)
            case .ready: return
            case .failed(let failure): throw failure
            case .startTLS: Issue.record("TLS was not asked for")
            }
        }
    }

    private func connectTo(_ port: UInt16) -> CInt? {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return result == 0 ? descriptor : nil
    }

    private func receive(_ descriptor: CInt) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        return Array(buffer[..<max(count, 0)])
    }

    private func send(_ bytes: [UInt8], _ descriptor: CInt) {
        _ = unsafe Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }
}
