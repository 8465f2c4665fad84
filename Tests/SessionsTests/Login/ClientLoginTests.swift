import ByteKit
import Credentials
import PostgresWire
import Testing

@testable import Sessions

/// Logins as transcripts, each played whole and a byte at a time.
@Suite("A client logs in")
struct ClientLoginTests {
    /// What the login says to `messages`, in words; `way` is how it must prove itself.
    private func play(
        _ messages: [[UInt8]], _ way: ClientAuthentication, piece: Int, offersTLS: Bool = false
    ) -> [String] {
        let login = ClientLogin(secretOfProcess: SecretBytes([1]), offersTLS: offersTLS)
        var said: [String] = []
        var carried: [UInt8] = []
        for message in messages {
            var rest = message[...]
            while !rest.isEmpty {
                carried += rest.prefix(piece)
                rest = rest.dropFirst(piece)
                while true {
                    let (consumed, step) = carried.withSpan { login.received($0) }
                    carried.removeFirst(consumed)
                    if case .needBytes = step { break }
                    said.append(words(step))
                    if case .startup = step { said.append(words(login.begin(way))) }
                    if case .beginTLS = step { login.becameSecure(binding: .tlsServerEndPoint([1, 2])) }
                    if consumed == 0 || carried.isEmpty { break }
                }
            }
        }
        return said
    }

    private func words(_ step: ClientLoginStep) -> String {
        switch step {
        case .needBytes: "wait"
        case .reply(let bytes): bytes.first == 0x4E ? "N" : "R \(bytes.count > 8 ? bytes[8] : 0)"
        case .beginTLS: "begin TLS"
        case .beginDirectTLS: "begin TLS at once"
        case .startup(let message): "startup of \(message["user"] ?? "")"
        case .cancel(let id, let key): "cancel \(id) \(key)"
        case .accepted: "accepted"
        case .refused(let error): "refused \(error.sqlstate)"
        case .closeSilently: "closed"
        }
    }

    private func check(
        _ messages: [[UInt8]], _ way: ClientAuthentication = .none, _ wanted: [String],
        _ place: SourceLocation = #_sourceLocation
    ) {
        for piece in [Int.max, 1, 3] { #expect(play(messages, way, piece: piece) == wanted, sourceLocation: place) }
    }

    private func startup(_ user: String = "u") -> [UInt8] {
        var out = ByteWriter()
        out.startup([("user", user), ("database", "d")])
        return out.take()
    }

    private func password(_ text: String) -> [UInt8] {
        var out = ByteWriter()
        out.passwordMessage(Array(text.utf8) + [0])
        return out.take()
    }

    private let sslRequest: [UInt8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F]

    @Test func trust() { check([startup()], .none, ["startup of u", "accepted"]) }

    @Test func encryptionIsRefusedAndThenItGoesOn() {
        check([sslRequest, startup()], .none, ["N", "startup of u", "accepted"])
        check([sslRequest, sslRequest], .none, ["N", "closed"])
    }

    @Test func tlsIsBegunOnce() {
        let messages = [sslRequest, startup()]
        #expect(
            play(messages, .none, piece: .max, offersTLS: true) == ["begin TLS", "startup of u", "accepted"])
        #expect(play([sslRequest, sslRequest], .none, piece: .max, offersTLS: true) == ["begin TLS", "closed"])
        #expect(play([[0x16, 3, 1, 0]], .none, piece: .max, offersTLS: true) == ["begin TLS at once"])
        #expect(play([[0x16, 3, 1, 0, 0, 0, 0, 0]], .none, piece: .max) == ["refused 08P01"])
    }

    @Test func whatComesInClearBehindTheRequestIsNotRead() {
        #expect(play([sslRequest + startup()], .none, piece: .max, offersTLS: true) == ["refused 08P01"])
    }

    @Test func bindingIsOfferedWhereThereIsTLS() {
        let verifier = ScramVerifier.derive(password: SecretBytes("secret"), salt: Array(1...16), iterations: 4096)
        let login = ClientLogin(secretOfProcess: SecretBytes([1]), offersTLS: true)
        _ = sslRequest.withSpan { login.received($0) }
        login.becameSecure(binding: .tlsServerEndPoint([1, 2]))
        _ = startup().withSpan { login.received($0) }
        guard case .reply(let offer) = login.begin(.scram(verifier, isMock: false)) else { return #expect(Bool(false)) }
        #expect(String(decoding: offer[9...], as: UTF8.self) == "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
    }

    @Test func cleartext() {
        let way = ClientAuthentication.cleartext(StoredSecret(parsing: "secret"))
        check([startup(), password("secret")], way, ["startup of u", "R 3", "accepted"])
        check([startup(), password("wrong")], way, ["startup of u", "R 3", "refused 28P01"])
        check([startup(), password("")], way, ["startup of u", "R 3", "refused 28P01"])
        check([startup("nobody"), password("secret")], .cleartext(nil), ["startup of nobody", "R 3", "refused 28P01"])
    }

    @Test func wrongMD5AndUnknownUsersReadTheSame() {
        let wrong = password("md5" + String(repeating: "0", count: 32))
        for secret in [StoredSecret(parsing: "secret"), nil] {
            check([startup(), wrong], .md5(secret), ["startup of u", "R 5", "refused 28P01"])
        }
    }

    @Test func cancel() {
        var out = ByteWriter()
        out.cancelRequest(processID: 7, key: [1, 2, 3, 4])
        check([out.take()], .none, ["cancel 7 [1, 2, 3, 4]"])
    }

    @Test func whatIsNoLogin() {
        check([startup("")], .none, ["refused 28000"])
        let way = ClientAuthentication.cleartext(nil)
        var out = ByteWriter()
        out.query("SELECT 1")
        #expect(play([startup(), out.take()], way, piece: Int.max) == ["startup of u", "R 3", "refused 08P01"])
        #expect(play([Array("GET / HTTP/1.1\r\n\r\n".utf8)], way, piece: Int.max) == ["closed"])
    }
}
