import ByteKit
import Glibc

@testable import MySQLWire

/// A real conversation, as integration/mysql_recordings.py has written it down.
struct Recording {
    struct Line {
        let fromServer: Bool
        let sequence: UInt8
        /// The length of the whole payload, of which `bytes` may be the beginning.
        let length: Int
        let bytes: [UInt8]
        /// What a second implementation made of the reply that ends here: `rows`, `status`, `error`, ….
        var said: [String: String]?
        /// The length of the payload's first packet.
        var firstPacket: Int { min(length, MySQLPacket.longestBody) }
    }

    var name = ""
    var user = ""
    var capabilities = MySQLCapabilities()
    var offered = MySQLCapabilities()
    var lines: [Line] = []

    static let mariadb = load("mariadb")
    static let mysql = load("mysql")
    static let all = mariadb + mysql

    private static func load(_ family: String) -> [Recording] {
        var all: [Recording] = []
        for line in text(family).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch words.first {
            case "#": all.append(Recording(name: String(line.dropFirst(2))))
            case "user": all[all.count - 1].user = words[1]
            case "capabilities":
                all[all.count - 1].capabilities = MySQLCapabilities(rawValue: UInt64(words[1], radix: 16) ?? 0)
                all[all.count - 1].offered = MySQLCapabilities(rawValue: UInt64(words[2], radix: 16) ?? 0)
            case "=":
                let pairs = words.dropFirst().map { $0.split(separator: "=").map(String.init) }
                let last = all[all.count - 1].lines.count - 1
                all[all.count - 1].lines[last].said = Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
            default:
                all[all.count - 1].lines.append(
                    Line(
                        fromServer: words[0] == "S", sequence: UInt8(words[1]) ?? 0, length: Int(words[2]) ?? 0,
                        bytes: words[3] == "-" ? [] : hex(words[3])))
            }
        }
        return all
    }

    /// The text of a file of recordings.
    static func text(_ name: String) -> String {
        read("\(#filePath)".split(separator: "/").dropLast(), "Recorded/\(name).txt")
    }

    private static func read(_ directory: ArraySlice<Substring>, _ name: String) -> String {
        guard let file = unsafe fopen("/" + directory.joined(separator: "/") + "/" + name, "r") else { return "" }
        defer { unsafe fclose(file) }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe fread(&part, 1, part.count, file), count > 0 { text += part[..<count] }
        return String(decoding: text, as: UTF8.self)
    }
}
