import CLinux
import Glibc

/// PostgreSQL's programs on this machine, and who they run as.
struct DemoPrograms {
    /// Where they are.
    let directory: String
    /// Who runs them; nil is who we are.
    let identity: Identity?

    /// A user of this machine.
    struct Identity {
        let name: String
        let uid: Int64
        let gid: Int64
    }

    /// What a demo needs.
    private static let needed = ["postgres", "initdb", "pg_basebackup", "psql"]

    /// Finds the newest version Debian's packages installed, else what PATH has.
    static func find() throws(DemoFailure) -> DemoPrograms {
        let root = "/usr/lib/postgresql"
        let versions = DemoDirectory.entries(of: root).compactMap { Int($0) }.sorted(by: >)
        let path = environmentValue("PATH").split(separator: ":").map { String($0) }
        var missing = "postgres"
        for directory in versions.map({ "\(root)/\($0)/bin" }) + path {
            let absent = needed.filter { unsafe access("\(directory)/\($0)", X_OK) != 0 }
            if absent.isEmpty { return DemoPrograms(directory: directory, identity: try identity()) }
            if let first = absent.first, first != needed.first { missing = first }
        }
        throw .noServer(missing: missing)
    }

    func path(_ program: String) -> String { "\(directory)/\(program)" }

    /// PostgreSQL refuses to run as root.
    private static func identity() throws(DemoFailure) -> Identity? {
        guard geteuid() == 0 else { return nil }
        for name in ["postgres", "nobody"] {
            var (uid, gid): (Int64, Int64) = (0, 0)
            if unsafe headgate_find_user(name, &uid, &gid) == 0, uid != 0 {
                return Identity(name: name, uid: uid, gid: gid)
            }
        }
        throw .failed("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")
    }
}

/// A variable of our environment; empty without one.
func environmentValue(_ name: String) -> String {
    guard let value = unsafe getenv(name) else { return "" }
    return unsafe String(cString: value)
}
