import Glibc
import Testing

/// Files beside the tests, which `UPDATE_FIXTURES=1` writes anew.
enum Fixture {
    private static func path(_ name: String) -> String {
        "/" + "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/") + "/" + name
    }

    static func lines(_ name: String) -> [String] {
        guard let file = unsafe fopen(path(name), "r") else { return [] }
        defer { unsafe fclose(file) }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe fread(&part, 1, part.count, file), count > 0 { text += part[..<count] }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    static func compare(_ name: String, _ old: [String], _ new: [String]) {
        if unsafe getenv("UPDATE_FIXTURES") != nil, let file = unsafe fopen(path(name), "w") {
            unsafe fputs(new.map { $0 + "\n" }.joined(), file)
            unsafe fclose(file)
            return
        }
        #expect(old.count == new.count)
        for (old, new) in zip(old, new) where old != new {
            Issue.record("\(name) has \(old), now it is \(new)")
            return
        }
    }
}
