import ByteKit
import Glibc
import Testing

@testable import SQLText

/// Our fingerprints beside the digests of MariaDB's and MySQL's performance_schema, as integration/mysql_digests.py has
/// asked for them: which texts they take for one shape.
@Suite struct MySQLDigestTests {
    /// Where we tell apart what the servers do not, by the later statement: what a text does is remembered by its normal
    /// form, so that keeps what may make a difference to it.
    private static let finer: Set<String> = [
        // A quoted word is never a keyword.
        "SELECT a FROM t WHERE `id` = 5", "SELECT `a` FROM `t`",
        // User variables have names.
        "SELECT @b",
        // NULL is a value only in a list.
        "SELECT a FROM t WHERE b = NULL", "UPDATE t SET a = NULL WHERE id = 5", "SELECT IF(a, NULL, 2) FROM t",
        // Only lists that can be of any length fold.
        "SELECT 1, 2, 3, 4, 5",
        // A sign behind a sign, synonyms, and functions as they are written.
        "SELECT 1--1", "SELECT 2- -1", "SELECT a FROM t WHERE name RLIKE 'y'", "INSERT INTO t (a) VALUES (now())",
        // Hints, which MariaDB takes for comments.
        "SELECT /*+ MAX_EXECUTION_TIME(100) */ a FROM t WHERE id = 3",
        "SELECT /*+ MAX_EXECUTION_TIME(200) */ a FROM t WHERE id = 4",
        "SELECT /*+ NO_INDEX_MERGE(t) */ a FROM t WHERE id = 4",
        "select  /*+max_execution_time( 300 )*/ a FROM t WHERE id = 5",
    ]

    /// Where we take for one what the servers tell apart: lists and rows of any number, numbers of any sign, literals of any
    /// kind.
    private static let coarser: Set<String> = [
        "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)", "INSERT INTO t (a, b) VALUES (1, 2), (3, 4), (5, 6)",
        "INSERT INTO t (a, b) VALUES (1, 'x'), (NULL, 'y')", "INSERT INTO t (a, b) VALUES (1, DEFAULT)",
        "INSERT INTO t (a, b) VALUES (1, NOW())", "SELECT a FROM t WHERE id IN (1)",
        "SELECT a FROM t WHERE id IN ('x')", "SELECT a FROM t WHERE (id, b) IN ((1,2))",
        "SELECT a FROM t WHERE b = -5", "SELECT a FROM t WHERE b = -7", "SELECT a FROM t WHERE b = +7",
        "UPDATE t SET a = -1 WHERE id = 5", "SELECT x'1F'", "SELECT X'2F'", "SELECT _utf8mb4'q'", "SELECT _latin1'q'",
        "SELECT _latin1 'r'", "SELECT a FROM t ORDER BY 2",
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
