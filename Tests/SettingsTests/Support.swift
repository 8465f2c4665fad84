import Glibc

@testable import Settings

/// An outside where every file is there, every variable is set and every program answers.
let calm = SettingsEnvironment(
    read: { path, _ in
        .success(
            Array((path.contains("hba") ? "host all all all md5\n" : path.contains("ident") ? "" : "secret\n").utf8))
    },
    facts: { path in
        // What has a dot in its last part is a file, and so are secrets.
        let name = path.split(separator: "/").last ?? ""
        let isFile = name.contains(".") || path.contains("secret")
        return .success(FileFacts(isDirectory: !isFile, mode: 0o600, isReadable: true, isWritable: true))
    },
    variable: { _ in Array("secret".utf8) }, hostName: { "host" },
    run: { _, _, _ in .success(Array("secret\n".utf8)) }, now: { 0 },
    readsCertificates: false)

/// The result of loading `text` as the file `t.toml`.
func load(_ text: String, in environment: SettingsEnvironment = calm) -> LoadResult {
    SettingsLoader.decode(Array(text.utf8), file: "t.toml", environment: environment)
}

/// All problems of `text`, a line each.
func problems(_ text: String, in environment: SettingsEnvironment = calm) -> [String] {
    load(text, in: environment).problems.map(\.description)
}

/// All problems of `text` below a part that by itself has none.
func problems(below text: String) -> [String] { problems(sound + text) }

/// The least that has no problems, on three lines.
let sound = """
    listen = [{ address = "127.0.0.1:6432" }]
    cluster.main.servers = [{ address = "127.0.0.1:5432" }]
    database.shop.cluster = "main"

    """

/// The path of a file beside this one or above it.
func beside(_ path: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/" + path
}

/// The names of what is in a directory beside this file or above it, sorted.
func files(_ path: String) -> [String] {
    guard let directory = unsafe opendir(beside(path)) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
        names.append(String(decoding: name, as: UTF8.self))
    }
    return names.sorted()
}

/// A repeatable source of numbers (SplitMix64).
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
