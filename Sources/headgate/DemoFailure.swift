/// Why there is no demo, or no longer.
enum DemoFailure: Error, CustomStringConvertible {
    /// A signal told us to stop.
    case interrupted
    /// PostgreSQL is not installed.
    case noServer(missing: String)
    /// What happened and the end of what the program concerned had to say.
    case failed(String, log: String)

    /// A failure no program has said anything about.
    static func failed(_ what: String) -> DemoFailure { .failed(what, log: "") }

    var description: String {
        switch self {
        case .interrupted: "stopped"
        case .noServer(let missing):
            """
            PostgreSQL's server programs are not installed (no \(missing) in /usr/lib/postgresql/*/bin or PATH)
              on Debian and Ubuntu: apt-get install postgresql
            """
        case .failed(let what, let log): log.isEmpty ? what : "\(what)\n\(log)"
        }
    }
}
