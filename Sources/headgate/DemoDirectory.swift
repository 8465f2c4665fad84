import CLinux
import EventLoop
import Glibc

/// The directory everything of a demo is in.
///
/// ```
/// headgate-demo-XXXXXX/   ours; others may only pass
///     headgate.toml, headgate.log, secrets/
///     primary.log, replica.log, mysql-primary.log, mysql-replica.log
///     servers/            of the user the servers run as
///         primary/, replica/, pgpass, .s.PGSQL.PORT
///         mysql-primary/, mysql-replica/, my.cnf, mysql-primary.s, mysql-replica.s
/// ```
struct DemoDirectory {
    let path: String

    var servers: String { path + "/servers" }
    var configuration: String { path + "/headgate.toml" }
    var log: String { path + "/headgate.log" }

    /// Makes the directory, and sees to it that it goes when this process does, even by SIGKILL. While there is one
    /// thread.
    static func create(for identity: DemoIdentity?) throws(DemoFailure) -> DemoDirectory {
        // The path of a unix socket has 107 bytes, and ours end with "/headgate-demo-XXXXXX/servers/mysql-primary.s".
        let wanted = environmentValue("TMPDIR")
        let parent = wanted.isEmpty || wanted.utf8.count > 60 ? "/tmp" : wanted
        var template = Array("\(parent)/headgate-demo-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw systemFailure("make a directory in \(parent)") }
        let bytes = template.dropLast().map { UInt8(bitPattern: $0) }
        let directory = DemoDirectory(path: String(decoding: bytes, as: UTF8.self))
        let watched = unsafe headgate_remove_tree_after_us(directory.path)
        guard watched == 0 else {
            directory.remove()
            throw .failed("cannot start a process: \(Errno(rawValue: -watched))")
        }
        for name in ["servers", "secrets"] {
            let path = "\(directory.path)/\(name)"
            guard unsafe mkdir(path, 0o700) == 0 else { throw systemFailure("make \(path)") }
        }
        if let identity {
            try give(directory.servers, to: identity)
            guard unsafe chmod(directory.path, 0o711) == 0 else { throw systemFailure("open \(directory.path)") }
        }
        return directory
    }

    /// Writes a file only its owner may read.
    func write(_ name: String, _ text: String, owner: DemoIdentity? = nil) throws(DemoFailure) {
        let path = "\(self.path)/\(name)"
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.systemFailure("write \(path)") }
        var text = text
        let written = text.withUTF8 { unsafe Glibc.write(file, $0.baseAddress, $0.count) == $0.count }
        guard close(file) == 0, written else { throw Self.systemFailure("write \(path)") }
        if let owner { try Self.give(path, to: owner) }
    }

    /// Removes everything; says whether nothing is left.
    @discardableResult
    func remove() -> Bool {
        for _ in 0..<20 {
            if unsafe headgate_remove_tree(path) == 0 { return true }
            usleep(100_000)
        }
        return false
    }

    /// The last lines of a file, indented.
    static func tail(_ path: String, lines: Int = 20) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        lseek(file, max(0, size - 8192), SEEK_SET)
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map { "    \($0)" }.joined(separator: "\n")
    }

    /// The names in a directory; none if it cannot be read.
    static func entries(of path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            names.append(name)
        }
        return names
    }

    private static func give(_ path: String, to identity: DemoIdentity) throws(DemoFailure) {
        guard unsafe chown(path, uid_t(truncatingIfNeeded: identity.uid), gid_t(truncatingIfNeeded: identity.gid)) == 0
        else { throw systemFailure("give \(path) to \(identity.name)") }
    }

    static func systemFailure(_ what: String) -> DemoFailure {
        .failed("cannot \(what): \(Errno(rawValue: errno))")
    }
}
