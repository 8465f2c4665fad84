import Credentials
import Testing

@testable import EventLoop

/// Two sides of TLS that talk over arrays instead of sockets.
@Suite("TLS")
struct TLSTests {
    /// One side: what has come for it, and what it has to say.
    private final class Side {
        let channel: TLSChannel
        let port: TLSPort
        var plain: [UInt8] = []
        var last = TLSChannel.Progress.needsMore

        init(_ channel: TLSChannel, _ port: TLSPort) {
            self.channel = channel
            self.port = port
        }

        /// Deals with bytes, and answers with those to be sent.
        func receive(_ bytes: [UInt8]) -> [UInt8] {
            if case .failed = last { return [] }
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe port.feed(bytes)
                if !channel.isOpen {
                    last = channel.handshake()
                    if last != .opened { return }
                }
                while true {
                    last = unsafe channel.open(into: UnsafeMutableRawBufferPointer(rebasing: port.plain[..<1000]))
                    guard case .bytes(let count) = last else { break }
                    unsafe plain.append(contentsOf: port.plain[..<count])
                }
            }
            return sealed()
        }

        func say(_ bytes: [UInt8]) -> [UInt8] {
            #expect(unsafe bytes.withUnsafeBytes { unsafe channel.seal($0) })
            return sealed()
        }

        func sealed() -> [UInt8] {
            var out: [UInt8] = []
            unsafe port.takeSealed { unsafe out.append(contentsOf: $0) }
            return out
        }
    }

    private let ours: TestCertificate

    init() throws { ours = try #require(TestCertificate("localhost")) }

    private func material(
        _ shown: TestCertificate? = nil, trusting authority: TestCertificate? = nil
    ) throws -> TLSMaterial {
        try TLSMaterial(certificate: shown?.certificate, key: shown?.key, authorities: authority?.certificate, now: now)
    }

    private var now: Int64 { Int64(Loop()?.now ?? 0) }

    private func sides(
        verification: TLSContext.Verification = .name, trusting: TestCertificate? = nil, name: String = "localhost"
    ) throws -> (server: Side, client: Side) {
        let ports = (TLSPort(), TLSPort())
        let server = try #require(
            TLSContext(
                server: material(ours), verification: .none, isVersion13Only: false, requiresPostgresName: true))
        let client = try #require(
            TLSContext(client: material(trusting: trusting ?? ours), verification: verification, isVersion13Only: false)
        )
        return (
            Side(try #require(TLSChannel(server, ports.0, accepting: ())), ports.0),
            Side(try #require(TLSChannel(client, ports.1, connectingTo: name)), ports.1)
        )
    }

    /// Carries bytes to and fro, in pieces, until nobody has more to say.
    private func talk(_ server: Side, _ client: Side, piece: Int = .max) {
        var toServer = client.receive([])
        var toClient: [UInt8] = []
        while !toServer.isEmpty || !toClient.isEmpty {
            let some = toServer.prefix(piece)
            toServer.removeFirst(some.count)
            toClient += server.receive(Array(some))
            let others = toClient.prefix(piece)
            toClient.removeFirst(others.count)
            toServer += client.receive(Array(others))
        }
    }

    @Test(arguments: [Int.max, 1, 100])
    func bytesComeThroughWhateverThePieces(piece: Int) throws {
        let (server, client) = try sides()
        talk(server, client, piece: piece)
        #expect(server.channel.isOpen && client.channel.isOpen)
        #expect(client.channel.summary.hasPrefix("TLSv1.3/"))
        let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var sealed = client.say(text)[...]
        #expect(!sealed.isEmpty)
        while !sealed.isEmpty {
            _ = server.receive(Array(sealed.prefix(piece)))
            sealed = sealed.dropFirst(piece)
        }
        #expect(server.plain == text)
        _ = client.receive(server.say([1, 2, 3]))
        #expect(client.plain == [1, 2, 3])
    }

    @Test func theEndIsHeard() throws {
        let (server, client) = try sides()
        talk(server, client)
        client.channel.end()
        _ = server.receive(client.sealed())
        #expect(server.last == .ended)
    }

    @Test func itGoesOnInAnotherLoop() throws {
        let (server, client) = try sides()
        talk(server, client)
        let other = TLSPort()
        server.channel.move(to: other)
        let moved = Side(server.channel, other)
        _ = moved.receive(client.say([9]))
        #expect(moved.plain == [9])
    }

    @Test func aCertificateNobodyTrusts() throws {
        let stranger = try #require(TestCertificate("localhost"))
        let (server, client) = try sides(trusting: stranger)
        talk(server, client)
        guard case .failed(.untrusted) = client.last else { return #expect(Bool(false), "\(client.last)") }
        guard case .failed = server.last else { return #expect(Bool(false), "\(server.last)") }
    }

    @Test(arguments: ["elsewhere", "127.0.0.1"])
    func aCertificateForAnotherName(name: String) throws {
        let (server, client) = try sides(name: name)
        talk(server, client)
        guard case .failed(.untrusted(let why)) = client.last else { return #expect(Bool(false), "\(client.last)") }
        #expect(why.contains("mismatch"))
        let (other, lenient) = try sides(verification: .authority, name: name)
        talk(other, lenient)
        #expect(lenient.channel.isOpen)
    }

    @Test func whatIsNoTLS() throws {
        let (server, _) = try sides()
        let answer = server.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        guard case .failed(.refused) = server.last else { return #expect(Bool(false), "\(server.last)") }
        #expect(answer.isEmpty || answer[0] == 21)
    }

    @Test func filesThatAreOfNoUse() throws {
        let other = try #require(TestCertificate("localhost"))
        let old = try #require(TestCertificate("localhost", from: -7200, to: -3600))
        let early = try #require(TestCertificate("localhost", from: 3600, to: 7200))
        func problem(_ certificate: [UInt8]?, _ key: SecretBytes?, _ authorities: [UInt8]? = nil) -> String {
            do throws(TLSMaterial.Problem) {
                _ = try TLSMaterial(certificate: certificate, key: key, authorities: authorities, now: now)
                return "none"
            } catch {
                return "\(error.part): \(error.reason)"
            }
        }
        #expect(problem(ours.certificate, ours.key, other.certificate + ours.certificate) == "none")
        #expect(problem(ours.certificate, other.key) == "key: it is not the key of the certificate")
        #expect(problem(old.certificate, old.key) == "certificate: it has expired")
        #expect(problem(early.certificate, early.key) == "certificate: it is not valid yet")
        #expect(problem([1, 2, 3], ours.key) == "certificate: there is no certificate in PEM in it")
        #expect(problem(ours.certificate, SecretBytes([1])) == "key: there is no private key in PEM in it")
        #expect(problem(nil, nil, []) == "authorities: there is no certificate in PEM in it")
        var broken = other.certificate
        broken.replaceSubrange(60..<70, with: Array("AAAAAAAAAA".utf8))
        #expect(problem(ours.certificate + broken, ours.key) == "certificate: certificate 2 in it cannot be read")
    }
}
