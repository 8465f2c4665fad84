import CLinux
import EventLoop
import Glibc

/// A program the demo started. It ends when the thread that started it does, so all are started on the main thread.
struct DemoChild {
    let pid: Int64
    /// The program's name, for messages.
    let name: String
    /// The file that has what it said.
    let output: String
    private let ending: Ending

    /// How a program is told to end.
    struct Ending {
        /// Its clients are disconnected, its files left in order.
        let kind: Int32
        let hard: Int32
        /// What it gets when we have ended.
        let death: Int32
        /// Whether what it has started gets the same.
        let reachesGroup: Bool

        static let postgres = Ending(kind: SIGINT, hard: SIGQUIT, death: SIGQUIT, reachesGroup: false)
        static let mariadb = Ending(kind: SIGTERM, hard: SIGKILL, death: SIGKILL, reachesGroup: false)
        /// A script with its programs.
        static let group = Ending(kind: SIGTERM, hard: SIGKILL, death: SIGTERM, reachesGroup: true)
    }

    /// How much it is pressed to end.
    enum Force { case kind, hard, kill }

    /// Starts a program.
    /// - Parameters:
    ///   - command: The program's path and arguments.
    ///   - output: The file what it says is appended to.
    ///   - environment: Variables besides PATH and LANG, `NAME=value`.
    static func start(
        _ command: [String], output: String, as identity: DemoIdentity?, environment: [String] = [],
        endsBy ending: Ending = .group
    ) throws(DemoFailure) -> DemoChild {
        let program = command.first ?? ""
        let name = String(program.split(separator: "/").last ?? "")
        let file = unsafe open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw DemoDirectory.systemFailure("write \(output)") }
        defer { close(file) }
        let variables = ["PATH=\(environmentValue("PATH"))", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"] + environment
        let pid = unsafe withStrings(command) { arguments in
            unsafe withStrings(variables) { variables in
                unsafe program.withCString { path in
                    var start = unsafe headgate_program(
                        path: path, arguments: arguments, environment: variables, output: file,
                        uid: identity?.uid ?? -1, gid: identity?.gid ?? -1, death_signal: ending.death)
                    return unsafe headgate_program_start(&start)
                }
            }
        }
        guard pid > 0 else {
            throw .failed("cannot start \(program): \(Errno(rawValue: Int32(truncatingIfNeeded: -pid)))")
        }
        return DemoChild(pid: pid, name: name, output: output, ending: ending)
    }

    /// How it ended ("status 0"); nil while it runs. Once it has said so, not to be asked again.
    func ended() -> DemoEnd? {
        var status: Int32 = 0
        switch unsafe headgate_program_ended(pid, &status) {
        case 0: return nil
        case 1: return status & 0x7f == 0 ? .status((status >> 8) & 0xff) : .signal(status & 0x7f)
        default: return .lost
        }
    }

    /// Tells it to end. It has a process group of its own.
    func end(_ force: Force) {
        let signal =
            switch force {
            case .kind: ending.kind
            case .hard: ending.hard
            case .kill: SIGKILL
            }
        kill(pid_t(truncatingIfNeeded: ending.reachesGroup ? -pid : pid), signal)
    }

    /// Runs a program to its end, which must be good and come within `seconds`.
    static func run(
        _ command: [String], output: String, as identity: DemoIdentity?, environment: [String] = [],
        within seconds: Int
    ) throws(DemoFailure) {
        let child = try start(command, output: output, as: identity, environment: environment)
        let end: DemoEnd
        do throws(DemoFailure) {
            end = try DemoClock.wait(seconds, for: "\(child.name) to finish", log: output) { child.ended() }
        } catch {
            child.end(.kill)
            while child.ended() == nil { usleep(10_000) }
            throw error
        }
        if case .status(0) = end { return }
        throw .failed("\(child.name) ended with \(end):", log: DemoDirectory.tail(output))
    }

    /// Calls `body` with the strings as C has them, ended by NULL.
    private static func withStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe strings.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("an array with an element has an address") }
            return unsafe body(base)
        }
    }
}

/// How a program ended.
enum DemoEnd: CustomStringConvertible {
    case status(Int32)
    case signal(Int32)
    /// Somebody else waited for it.
    case lost

    var description: String {
        switch self {
        case .status(let code): "status \(code)"
        case .signal(let number): "signal \(number)"
        case .lost: "an unknown status"
        }
    }
}
