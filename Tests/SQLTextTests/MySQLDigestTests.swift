import ByteKit
import Glibc
import Testing

@testable import SQLText

/// Our fingerprints beside the digests of MariaDB's and MySQL's performance_schema, as integration/mysql_digests.py has
/// asked for them: which texts they take for one shape.
@Suite struct MySQLDigestTests {
    /// Where we tell apart what MySQL does not, by the later statement: quotes around a name are kept, for what a text does
    /// is remembered by its normal form, and a quoted word is never a keyword.
    private static let finer: Set<String> = ["SELECT a FROM t WHERE `id` = 5"]

    /// Where we take for one what the servers tell apart: one row of values and several.
    private static let coarser: Set<String> = [
        "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)", "INSERT INTO t (a, b) VALUES (1, 2), (3, 4), (5, 6)",
    ]

    private func load(_ family: String) -> [(digest: String, statement: String)] {
        let directory = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
        guard let file = unsafe fopen("/\(directory)/Digests/\(family).txt", "r") else { return [] }
        defer { unsafe fclose(file) }
        var text = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe fread(&text, 1, text.count, file)
        return String(decoding: text[..<count], as: UTF8.self).split(separator: "\n").map { line in
            let parts = line.split(separator: "\t").map(String.init)
            return (parts[0], parts[1].split(separator: "\\n").joined(separator: "\n"))
        }
    }

    @Test(arguments: ["mariadb", "mysql"])
    func sameShapes(_ family: String) {
        let server = MySQLServerVersion(parsing: family == "mysql" ? "9.7.4" : "10.11.19-MariaDB")
        let options = LexerOptions(dialect: .mysql, server: server)
        let all = load(family)
        #expect(all.count > 100)
        var ours: [String: (form: String, statement: String)] = [:]
        var theirs: [String: (digest: String, statement: String)] = [:]
        for (digest, statement) in all {
            let form = normalized(statement, options)
            if let (other, first) = ours[digest] {
                if form != other, !Self.finer.contains(statement) {
                    Issue.record("\(family) takes for one: \(first) | \(statement): \(other) | \(form)")
                }
            } else {
                ours[digest] = (form, statement)
            }
            if let (other, first) = theirs[form] {
                if digest != other, !Self.coarser.contains(statement) {
                    Issue.record("\(family) tells apart: \(first) | \(statement): \(form)")
                }
            } else {
                theirs[form] = (digest, statement)
            }
        }
    }
}
