import Testing

@testable import Settings

@Suite("Values")
struct ValueTests {
    @Test(arguments: [
        ("300s", 300_000_000), ("5m", 300_000_000), ("500ms", 500_000), ("1h", 3_600_000_000), ("0s", 0), ("7us", 7),
        ("1d", 86_400_000_000),
    ])
    func timeSpans(_ text: String, _ microseconds: Int64) throws {
        let span = try #require(TimeSpan(text))
        #expect(span.microseconds == microseconds)
        #expect(TimeSpan("\(span)") == span)
    }

    @Test(arguments: ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "1h30m", "99999999999999d", "٣s"])
    func noTimeSpans(_ text: String) { #expect(TimeSpan(text) == nil) }

    @Test func secondsAsPgBouncerShowsThem() {
        #expect(TimeSpan.milliseconds(1_250).inSeconds == "1.25")
        #expect(TimeSpan(microseconds: 1).inSeconds == "0.000001")
        #expect(TimeSpan.zero.inSeconds == "0")
    }

    @Test(arguments: [("64KiB", 65_536), ("1MiB", 1 << 20), ("0", 0), ("512", 512), ("512B", 512), ("2GiB", 2 << 30)])
    func sizes(_ text: String, _ bytes: Int) throws {
        let size = try #require(ByteSize(text))
        #expect(size.bytes == bytes)
        #expect(ByteSize("\(size)") == size)
    }

    @Test(arguments: ["", "KiB", "-1", "64KB", "1.5MiB", "9999999999TiB"])
    func noSizes(_ text: String) { #expect(ByteSize(text) == nil) }

    @Test(arguments: [
        ("127.0.0.1:6432", ListenAddress.tcp(host: "127.0.0.1", port: 6432)),
        ("[::1]:6432", .tcp(host: "::1", port: 6432)), ("*:6432", .tcp(host: "*", port: 6432)),
        ("db-1.internal:5432", .tcp(host: "db-1.internal", port: 5432)),
        ("unix:/run/x", .unix(path: "/run/x")), ("unix:@headgate", .unix(path: "@headgate")),
    ])
    func addresses(_ text: String, _ address: ListenAddress) {
        #expect(ListenAddress(text) == address)
        #expect("\(address)" == text)
    }

    @Test(arguments: [
        ("", #"it has no port, write "127.0.0.1:6432""#),
        (":6432", #"it has no host, write "*:6432" for all interfaces"#),
        ("::1", #"an IPv6 address stands in brackets, write "[::1]:6432""#),
        ("::1:6433", #"an IPv6 address stands in brackets, write "[::1]:6433""#),
        ("fe80::2", #"an IPv6 address stands in brackets, write "[fe80::2]:6432""#),
        ("[localhost]:1", #"what stands in brackets must be an IPv6 address, write "[::1]:6432""#),
        ("a:0", #"a port is a number from 1 to 65535, write "a:6432""#),
        ("a:70000", #"a port is a number from 1 to 65535, write "a:6432""#),
        ("/run/x", #"a unix socket is marked as one, write "unix:/run/x""#),
        ("unix:run/x", #"the path of a unix socket is absolute, write "unix:/run/headgate/.s.PGSQL.6432""#),
        ("unix:/run/", #"it names a directory, write "unix:/run/.s.PGSQL.6432""#),
        ("a b:1", #"a host is a name or an IP address, write "127.0.0.1:1""#),
    ])
    func noAddresses(_ text: String, _ answer: String) {
        do throws(ListenAddress.ParseError) {
            _ = try ListenAddress.parse(text, port: 6432)
            Issue.record("\(text) is an address")
        } catch {
            #expect("\(error.why), \(error.instead)" == answer)
        }
    }

    @Test func addressRanges() throws {
        let range = try #require(AddressRange("10.1.0.0/16"))
        #expect(range.contains([10, 1, 255, 255]))
        #expect(!range.contains([10, 2, 0, 0]))
        #expect(try #require(AddressRange("0.0.0.0/0")).contains([1, 2, 3, 4]))
        #expect(try #require(AddressRange("10.0.0.1")).description == "10.0.0.1/32")
        for text in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "x/8"] {
            #expect(AddressRange(text) == nil)
        }
    }

    @Test func serverPortOfUnixSocket() {
        #expect(ServerAddress(.unix(path: "/run/postgresql/.s.PGSQL.5433")).port == 5433)
        #expect(ServerAddress(.unix(path: "/run/x")).port == 0)
    }
}
