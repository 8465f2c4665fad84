import ByteKit
import Credentials
import Glibc
import MySQLWire
import Testing

@testable import Sessions

/// Logins MariaDB 10.11 and MySQL 9.7 accepted, in which our client gives the same answers.
@Suite struct MySQLRecordedLoginTests {
    private struct Packet {
        let fromServer: Bool
        let sequence: UInt8
        let payload: [UInt8]
    }

    private struct Login {
        var name = ""
        var user = ""
        var packets: [Packet] = []
    }

    private static let passwords = [
        "app": "app secret", "bob": "bob'ß\\secret", "ed": "ed secret", "sha": "sha secret", "nobody": "",
    ]

    /// The packets before the first command of each conversation that recordings of MySQLWire's tests hold.
    private static func logins() -> [Login] {
        var all: [Login] = []
        var isOver = false
        for family in ["mariadb", "mysql"] {
            for line in read("MySQLWireTests/Recorded/\(family).txt").split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                switch words[0] {
                case "#":
                    all.append(Login(name: String(line.dropFirst(2))))
                    isOver = false
                case "user": all[all.count - 1].user = words[1]
                case "S" where !isOver, "C" where !isOver:
                    let sequence = UInt8(words[1]) ?? 0
                    isOver = words[0] == "C" && sequence == 0
                    if isOver { continue }
                    let payload = Hex.decode(Array(words[3].utf8)) ?? []
                    all[all.count - 1].packets.append(
                        Packet(fromServer: words[0] == "S", sequence: sequence, payload: payload))
                default: break
                }
            }
        }
        return all
    }

    private static func read(_ name: String) -> String {
        let directory = "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/")
        guard let file = unsafe fopen("/" + directory + "/" + name, "r") else { return "" }
        defer { unsafe fclose(file) }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe fread(&part, 1, part.count, file), count > 0 { text += part[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    private func bytes(_ packet: Packet) -> [UInt8] {
        var out = ByteWriter()
        let mark = out.beginPacket(packet.sequence)
        out.raw(packet.payload)
        out.endPacket(mark)
        return out.take()
    }

    @Test func ourAnswersAreTheRecordedOnes() throws {
        var checked: Set<String> = []
        for login in Self.logins() where !login.name.contains("answering for mysql_native_password") {
            let password = SecretBytes(Self.passwords[login.user] ?? "")
            let machine = MySQLServerLogin(
                user: login.user, database: "app", credential: password.count > 0 ? .password(password) : .none,
                attributes: ConnectionAttributes([.init("program_name", "headgate tests")]))
            var expected = login.packets.filter { !$0.fromServer }
            var isReady = false
            for packet in login.packets where packet.fromServer {
                let received = bytes(packet)
                let (consumed, step) = received.withSpan { machine.received($0) }
                #expect(consumed == received.count)
                switch step {
                case .needBytes: break
                case .ready: isReady = true
                case .send(let sent):
                    let theirs = expected.removeFirst()
                    let ours = Array(sent.dropFirst(4))
                    #expect(sent[3] == theirs.sequence, "\(login.name)")
                    if theirs.sequence == 1 {
                        let mine = try ours.withSpan { try HandshakeResponse(parsing: $0) }
                        let other = try theirs.payload.withSpan { try HandshakeResponse(parsing: $0) }
                        // Where the server prefers a plugin for which there is nothing to say, we say more.
                        #expect(mine.user == other.user && mine.authResponse == other.authResponse, "\(login.name)")
                    } else if theirs.payload.count == 256 {
                        #expect(ours.count == 256, "\(login.name)")
                    } else {
                        #expect(ours == theirs.payload, "\(login.name)")
                    }
                    checked.insert("\(login.user) \(theirs.payload.count)")
                case .startTLS, .failed: Issue.record("\(login.name): \(step)")
                }
            }
            #expect(isReady && expected.isEmpty, "\(login.name)")
        }
        // A switch to native, one to Ed25519's 64 bytes, a key request, a password under RSA.
        #expect(checked.isSuperset(of: ["ed 64", "app 1", "app 256", "sha 256"]), "\(checked.sorted())")
    }
}
