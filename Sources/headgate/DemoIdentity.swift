import CLinux
import Glibc

/// The user a demo's servers run as. PostgreSQL and MariaDB refuse to run as root.
struct DemoIdentity {
    let name: String
    let uid: Int64
    let gid: Int64

    /// Nil is who we are.
    static func choose() throws(DemoFailure) -> DemoIdentity? {
        guard geteuid() == 0 else { return nil }
        for name in ["postgres", "mysql", "nobody"] {
            var (uid, gid): (Int64, Int64) = (0, 0)
            if unsafe headgate_find_user(name, &uid, &gid) == 0, uid != 0 {
                return DemoIdentity(name: name, uid: uid, gid: gid)
            }
        }
        throw .failed("database servers refuse to run as root, and there is no user postgres, mysql or nobody")
    }
}
