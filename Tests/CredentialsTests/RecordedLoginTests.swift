import ByteKit
import Testing

@testable import Credentials

/// Logins of psql 15 to PostgreSQL 15, as they went over the wire. Each is played to both of our roles.
struct RecordedLogin: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let password: String
    let verifier: String
    var binding = ChannelBinding.none
    let clientNonce: String
    let serverNonce: String
    let clientFirst: String
    let serverFirst: String
    let clientFinal: String
    let serverFinal: String

    /// A role made with `CREATE ROLE … PASSWORD 'pässwörd'`.
    static let plain = RecordedLogin(
        testDescription: "SCRAM-SHA-256", password: "p\u{e4}ssw\u{f6}rd",
        verifier: "SCRAM-SHA-256$4096:x/6z26OEw6X1blraSqml+A==$SZHJoCq12ydDCaj9Op9yzMlz8NdAFaT8WaqCEV/DtPE="
            + ":Y6IZA1WzsyCUVAuRjGFW0MI52yFcxNxmNh0DJxzwnjk=",
        clientNonce: "fU3HGuSX5TuRm7qg6AJBKvOx", serverNonce: "x9EJXLKW3vTG6CThVZ1/2Lco",
        clientFirst: "n,,n=,r=fU3HGuSX5TuRm7qg6AJBKvOx",
        serverFirst: "r=fU3HGuSX5TuRm7qg6AJBKvOxx9EJXLKW3vTG6CThVZ1/2Lco,s=x/6z26OEw6X1blraSqml+A==,i=4096",
        clientFinal: "c=biws,r=fU3HGuSX5TuRm7qg6AJBKvOxx9EJXLKW3vTG6CThVZ1/2Lco,"
            + "p=KFSi2PE3hOVjs1Gh1GG1tZYYE1TBlXF1KPtjbbcjEWA=",
        serverFinal: "v=xCjI1XFD9TkYyfmnFPnWirw1ILgvm3uhZebglwMf24U=")

    /// With `channel_binding=require`, on a connection with `certificate`.
    static let bound = RecordedLogin(
        testDescription: "SCRAM-SHA-256-PLUS", password: "pencil",
        verifier: "SCRAM-SHA-256$4096:C1pEXyiVX2AvJ1vCztB6zA==$wRt+9N4gMB+Z9u7V5U065TzEeRNmTcj6TKS48sNezZQ="
            + ":IXcn21EU0y6Cz86uG6Tvg982aJ/PhmBemENOZOqE21w=",
        binding: ChannelBinding(serverCertificate: Base64.decode([UInt8](certificate.utf8)) ?? []),
        clientNonce: "B6OB+MSYuyCy+CqpTSG2cHLh", serverNonce: "nv8uMZupScTItBquRkoPUase",
        clientFirst: "p=tls-server-end-point,,n=,r=B6OB+MSYuyCy+CqpTSG2cHLh",
        serverFirst: "r=B6OB+MSYuyCy+CqpTSG2cHLhnv8uMZupScTItBquRkoPUase,s=C1pEXyiVX2AvJ1vCztB6zA==,i=4096",
        clientFinal: "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws4Mdeb2OyEBVFaiQ9gF33bOK9QBP/hTmoo6Nss7bftUJwnAESB78irCuWDYxR"
            + "oAKs,r=B6OB+MSYuyCy+CqpTSG2cHLhnv8uMZupScTItBquRkoPUase,"
            + "p=xGd9xT3t2f/lv52dgYJ+NULI7+M4FrFyyVi+S4ler0A=",
        serverFinal: "v=kI4E50xPpqwXNL3pmm+Itv/esdNsG0bUBJmPhlGrmPc=")

    /// Signed with ECDSA and SHA-384.
    static let certificate =
        "MIIBhjCCASugAwIBAgIUJMYkzrXfP+E+fpZbcNyP3+dN7fgwCgYIKoZIzj0EAwMwGDEWMBQGA1UEAwwNaGVhZGdhdGUudGVzdDAeFw0yNjEx"
        + "MjEwOTQxMjJaFw0zNjExMTgwOTQxMjJaMBgxFjAUBgNVBAMMDWhlYWRnYXRlLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARJqmpT"
        + "J2MxEV5AoCOchqKJ+zeozfB+UfyFxaj/Jv41fS6WpB+rs7HhHMDRlIltxgskiwKGnr5UjXp6IjUkIOb+o1MwUTAdBgNVHQ4EFgQUQRPhVFK/"
        + "XDHBeGUATpx+t9wYjcswHwYDVR0jBBgwFoAUQRPhVFK/XDHBeGUATpx+t9wYjcswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAwNJADBG"
        + "AiEA6ClZ4DjiFRCbGsZdF+Sq/DLbawCZ6DJ9iQ52DdIqQUQCIQCsZrvhf8aWHsO6Z24i0quY2f/obhcDjfvsdhFwV1bvow=="
}

@Suite struct RecordedLoginTests {
    @Test(arguments: [RecordedLogin.plain, .bound])
    func theServerRoleAnswersAsPostgreSQLDid(_ login: RecordedLogin) throws {
        let verifier = try #require(ScramVerifier(parsing: login.verifier))
        var server = ScramServer(
            verifier: verifier, isMock: false, mechanism: login.binding == .none ? .sha256 : .sha256Plus,
            channelBinding: login.binding, nonce: [UInt8](login.serverNonce.utf8))
        #expect(
            lend(login.clientFirst) { server.clientFirst($0) }
                == .reply(serverFirst: [UInt8](login.serverFirst.utf8)))
        guard case .success(let final, let keys) = lend(login.clientFinal, { server.clientFinal($0) }) else {
            Issue.record("libpq's proof was refused")
            return
        }
        #expect(text(final) == login.serverFinal)
        #expect(keys.storedKey.equals(verifier.storedKey))
    }

    @Test(arguments: [RecordedLogin.plain, .bound])
    func theClientRoleSpeaksAsLibpqDid(_ login: RecordedLogin) throws {
        let password = SecretBytes(login.password)
        var client = ScramClient(
            password: password, channelBinding: login.binding, serverOffersPlus: true,
            nonce: [UInt8](login.clientNonce.utf8))
        #expect(client.mechanism == (login.binding == .none ? .sha256 : .sha256Plus))
        #expect(text(client.clientFirst()) == login.clientFirst)
        guard case .needKeys(let salt, let iterations) = lend(login.serverFirst, { client.serverFirst($0) }) else {
            Issue.record("no keys asked for")
            return
        }
        let salted = ScramClient.saltedPassword(password: password, salt: salt, iterations: iterations)
        #expect(client.provide(saltedPassword: salted) == .reply([UInt8](login.clientFinal.utf8)))
        #expect(!client.isComplete)
        #expect(lend(login.serverFinal) { client.serverFinal($0) } == .ok)
        #expect(client.isComplete)
    }

    @Test func certificatesAreHashedAsTheirSignatureIs() throws {
        let hash = "e0c75e6f63b21015456a243d805df76ce2bd4013ff8539a8a3a36cb3b6dfb542709c011207bf22ac2b960d8c51a002ac"
        #expect(RecordedLogin.bound.binding == .tlsServerEndPoint(try #require(Hex.decode([UInt8](hash.utf8)))))
        #expect(ChannelBinding(serverCertificate: []) == .none)
        #expect(ChannelBinding(serverCertificate: [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]) == .none)
    }
}
