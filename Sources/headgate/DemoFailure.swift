/// Why there is no demo, or no longer.
enum DemoFailure: Error, CustomStringConvertible {
    /// A signal told us to stop.
    case interrupted
    /// What happened and the end of what the program concerned had to say.
    case failed(String, log: String)

    /// A failure no program has said anything about.
    static func failed(_ what: String) -> DemoFailure { .failed(what, log: "") }

    var description: String {
        switch self {
        case .interrupted: "stopped"
        case .failed(let what, let log): log.isEmpty ? what : "\(what)\n\(log)"
        }
    }
}
