import Glibc

@testable import SQLText

/// The SQL of PostgreSQL's regression tests, where `integration/fetch-sql-corpus.sh` has put it.
enum RegressionCorpus {
    static let directory = ".build/postgres-regress"

    static let files: [String] = {
        guard let handle = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.hasSuffix(".sql") { names.append(directory + "/" + name) }
        }
        return names.sorted()
    }()

    /// The text of a file without what is psql's: backslash commands and the data of `COPY … FROM stdin`.
    static func load(_ path: String) -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe fclose(file) }
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            all += buffer[0..<count]
        }
        return withoutPsql(all)
    }

    private static func withoutPsql(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var inData = false
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if inData {
                if line.elementsEqual("\\.".utf8) { inData = false }
                continue
            }
            if line.first == UInt8(ascii: "\\") { continue }
            let lower = String(decoding: line, as: UTF8.self).lowercased()
            if lower.contains("from stdin"), lower.hasSuffix(";") { inData = true }
            out += line
            out.append(0x0A)
        }
        return out
    }

    /// The statements of a file, cut by the splitter.
    static func statements(_ path: String) -> [[UInt8]] {
        let bytes = load(path)
        let text = unsafe bytes.span.bytes
        var lexer = Lexer()
        var tokens: [Token] = []
        while let token = lexer.next(in: text) { tokens.append(token) }
        var splitter = StatementSplitter(tokens)
        var found: [[UInt8]] = []
        while let slice = splitter.statement(in: text) {
            let range = Int(tokens[slice.lowerBound].start)..<Int(tokens[slice.upperBound - 1].end)
            found.append(Array(bytes[range]))
        }
        return found
    }
}
