import ByteKit
import Credentials
import PostgresWire
import Testing

@testable import Sessions

@Suite("Looking up a user")
struct AuthQueryExchangeTests {
    private func row(_ values: [String?]) -> [UInt8] {
        var out = ByteWriter()
        let mark = out.begin(BackendTag.dataRow)
        out.i16(Int16(values.count))
        for value in values {
            guard let value else {
                out.i32(-1)
                continue
            }
            out.i32(Int32(value.utf8.count))
            out.text(value)
        }
        out.end(mark)
        return out.take()
    }

    private func bare(_ tag: UInt8) -> [UInt8] { [tag, 0, 0, 0, 4] }
    private var ready: [UInt8] { [BackendTag.readyForQuery, 0, 0, 0, 5, 0x49] }

    /// What `app` hears of these messages, whole and byte by byte.
    private func answer(_ messages: [[UInt8]], to user: String = "app") -> String {
        let bytes = messages.flatMap { $0 }
        var whole = AuthQueryExchange(user: user)
        let (consumed, answer) = bytes.withSpan { whole.received($0) }
        var pieces = AuthQueryExchange(user: user)
        var carried: [UInt8] = []
        var last: AuthQueryAnswer?
        for byte in bytes where last == nil {
            carried.append(byte)
            let (used, found) = carried.withSpan { pieces.received($0) }
            guard let used else { break }
            carried.removeFirst(used)
            last = found
        }
        guard consumed != nil else { return last == nil ? "nonsense" : "two answers" }
        guard describe(answer) == describe(last) else { return "two answers" }
        return describe(answer)
    }

    private func describe(_ answer: AuthQueryAnswer?) -> String {
        switch answer {
        case nil: "nothing yet"
        case .none(let why)?: why
        case .found(.plain(let password))?: password.equals(SecretBytes("pw")) ? "plain" : "another password"
        case .found(.md5)?: "md5"
        case .found(.scram)?: "scram"
        }
    }

    private var done: [[UInt8]] { [bare(BackendTag.commandComplete), ready] }

    @Test func itsSecret() {
        let before = [bare(BackendTag.parseComplete), bare(BackendTag.bindComplete)]
        #expect(answer(before + [row(["app", "pw"])] + done) == "plain")
        let digest = String(repeating: "0123456789abcdef", count: 2)
        #expect(answer(before + [row(["app", "md5" + digest])] + done) == "md5")
        #expect(answer(before + [row(["app", "pw"])]) == "nothing yet")
    }

    @Test func nobody() {
        #expect(answer(done) == "auth_query found nobody")
        #expect(answer([row(["app", "pw"]), row(["app", "pw"])] + done) == "auth_query found more than one row")
        #expect(answer([row(["app", nil])] + done) == "auth_query found no secret: it is NULL, empty or damaged")
        #expect(answer([row(["app", ""])] + done) == "auth_query found no secret: it is NULL, empty or damaged")
        #expect(
            answer([row(["app", "SCRAM-SHA-256$x"])] + done)
                == "auth_query found no secret: it is NULL, empty or damaged")
        #expect(answer([row([nil, "pw"])] + done) == "auth_query found a user without a name")
        #expect(answer([row(["app"])] + done) == "auth_query has 1 columns, it must have a name and a secret")
        #expect(
            answer([row(["app", "pw", "x"])] + done) == "auth_query has 3 columns, it must have a name and a secret")
        #expect(answer([[0x44, 0, 0, 0, 5, 0]] + done) == "auth_query sent a malformed row")
        #expect(answer([[0x44, 0, 0, 0, 10, 0, 2, 0, 0, 0, 9]] + done) == "auth_query sent a malformed row")
    }

    /// CVE-2015-6817: nobody becomes anybody else, whatever the query answers.
    @Test func nobodyBecomesAnybodyElse() {
        for name in ["bob", "ap", "appp", "App", "", "app "] {
            #expect(answer([row([name, "pw"])] + done) == "auth_query found another user than was asked for")
        }
    }

    @Test func errorsAreForTheLog() {
        var out = ByteWriter()
        PostgresError(.error, "42501", "permission denied").write(to: &out)
        #expect(answer([out.take(), ready]) == "auth_query failed: 42501: permission denied")
    }

    @Test func whatMakesNoSense() {
        #expect(answer([row(["app", String(repeating: "x", count: 70_000)])] + done) == "nonsense")
        #expect(answer([bare(BackendTag.copyOutResponse)] + done) == "nonsense")
        #expect(answer([[0x44, 0, 0, 0, 1]]) == "nonsense")
    }

    /// The name is a parameter and nothing else.
    @Test func theQuestion() {
        let name = "x'; DROP TABLE users; --"
        let bytes = AuthQueryExchange(user: name).question("SELECT $1")
        #expect(bytes.first == FrontendTag.parse)
        #expect(String(decoding: bytes, as: UTF8.self).contains("SELECT $1\0"))
        guard case .header(_, _, let end) = bytes.withSpan({ scanFrame($0, at: 0) }) else {
            return #expect(Bool(false))
        }
        #expect(bytes[end] == FrontendTag.bind)
        #expect(bytes.suffix(5) == [FrontendTag.sync, 0, 0, 0, 4])
    }
}
