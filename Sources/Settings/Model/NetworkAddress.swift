internal import Glibc

/// Where something listens: `"127.0.0.1:6432"`, `"[::1]:6432"`, `"*:6432"`, `"unix:/run/headgate/.s.PGSQL.6432"`.
public enum ListenAddress: Sendable, Hashable {
    /// A host name, an IPv4 or IPv6 address (without brackets) or `*`, and a port.
    case tcp(host: String, port: UInt16)
    /// The full path of a socket; one that begins with `@` is in the abstract name space of Linux.
    case unix(path: String)
}

extension ListenAddress: CustomStringConvertible {
    /// Why a text is not an address, and what to write instead.
    struct ParseError: Error {
        var why: String
        var instead: String
    }

    /// The longest path of a unix socket that `sockaddr_un` holds.
    static let longestPath = 107

    /// As it is written in a file.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Reads an address; nil for what is none.
    public init?(_ text: String) {
        guard let address = try? Self.parse(text, port: 6432) else { return nil }
        self = address
    }

    /// Reads an address; `port` is for suggestions only.
    static func parse(_ text: String, port suggested: UInt16) throws(ParseError) -> ListenAddress {
        if text.hasPrefix("unix:") { return try unix(String(text.dropFirst(5)), port: suggested) }
        if text.hasPrefix("/") || text.hasPrefix("@") {
            throw ParseError(why: "a unix socket is marked as one", instead: "write \(quoted("unix:" + text))")
        }
        guard let colon = text.lastIndex(of: ":") else {
            let host = text.isEmpty ? "127.0.0.1" : text
            throw ParseError(why: "it has no port", instead: "write \(quoted("\(host):\(suggested)"))")
        }
        var host = String(text[..<colon])
        let digits = text[text.index(after: colon)...]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), isIPv6(String(host.dropFirst().dropLast())) else {
                throw ParseError(
                    why: "what stands in brackets must be an IPv6 address",
                    instead: "write \(quoted("[::1]:\(suggested)"))")
            }
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            // `::1:6432` is an address by itself, but hardly meant as one.
            let hasPort = isIPv6(host) && UInt16(digits) != nil
            let meant = isIPv6(text) && !hasPort ? "[\(text)]:\(suggested)" : "[\(host)]:\(digits)"
            throw ParseError(why: "an IPv6 address stands in brackets", instead: "write \(quoted(meant))")
        }
        guard let port = UInt16(digits), port > 0, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else {
            let name = host.contains(":") ? "[\(host)]" : host
            throw ParseError(
                why: "a port is a number from 1 to 65535", instead: "write \(quoted("\(name):\(suggested)"))")
        }
        guard !host.isEmpty else {
            throw ParseError(why: "it has no host", instead: "write \(quoted("*:\(port)")) for all interfaces")
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "*"), UInt8(ascii: ":"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
        guard isName else {
            throw ParseError(
                why: "a host is a name or an IP address", instead: "write \(quoted("127.0.0.1:\(port)"))")
        }
        return .tcp(host: host, port: port)
    }

    private static func unix(_ path: String, port: UInt16) throws(ParseError) -> ListenAddress {
        guard path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count > 1, !path.utf8.contains(0) else {
            throw ParseError(
                why: "the path of a unix socket is absolute",
                instead: "write \(quoted("unix:/run/headgate/.s.PGSQL.\(port)"))")
        }
        guard path.utf8.count <= longestPath else {
            throw ParseError(
                why: "Linux allows \(longestPath) bytes for the path of a unix socket", instead: "write a shorter one")
        }
        guard !path.hasSuffix("/") else {
            throw ParseError(
                why: "it names a directory", instead: "write \(quoted("unix:\(path).s.PGSQL.\(port)"))")
        }
        return .unix(path: path)
    }

    /// Whether `text` is an IPv6 address, with or without a scope (`fe80::1%eth0`).
    static func isIPv6(_ text: String) -> Bool {
        let bare = text.prefix { $0 != "%" }
        var address = in6_addr()
        return unsafe inet_pton(AF_INET6, String(bare), &address) == 1
    }
}

extension ValueType where Value == ListenAddress {
    /// An address; `port` is the one that suggestions name.
    static func address(port: UInt16) -> Self {
        let expects = "an address such as \"127.0.0.1:\(port)\", \"[::1]:\(port)\" or \"unix:/path\""
        let example = "\"127.0.0.1:\(port)\""
        let literal: @Sendable (ListenAddress) -> String = { quoted("\($0)") }
        return ValueType(expects, example: example, literal: literal, show: { "\($0)" }) { field, log in
            guard case .string(let text) = field.node.value else {
                log.wrongType(field)
                return nil
            }
            do throws(ListenAddress.ParseError) {
                return try ListenAddress.parse(text, port: port)
            } catch {
                log.error(field.node.position, "\(field.key) is \(quoted(text))", error.why, error.instead)
                return nil
            }
        }
    }
}
