import AuditTrail
import Glibc
import Settings

/// `headgate audit`: reads what the proxy has recorded, and renews its key.
func audit(_ arguments: [String]) -> Int32 {
    guard let command = arguments.first else { return wrongUse("a command is missing: verify, cat or rotate-key") }
    let rest = Array(arguments.dropFirst())
    switch command {
    case "verify": return verifyTrail(rest)
    case "cat": return showTrail(rest)
    case "rotate-key": return rotateKey(rest)
    default: return wrongUse("audit knows verify, cat and rotate-key, not \"\(command)\"")
    }
}

private func wrongUse(_ what: String) -> Int32 {
    printError("headgate: \(what)\n\n" + (Usage.commands["audit"] ?? Usage.all))
    return 2
}

private func failed(_ what: String) -> Int32 {
    printError("headgate: \(what)\n")
    return 1
}

/// Options with a value (`--name VALUE` or `--name=VALUE`), switches, and what is neither.
private struct Options {
    var values: [String: String] = [:]
    var switches: Set<String> = []
    var others: [String] = []
    var problem: String?

    init(_ arguments: [String], values names: Set<String>, switches: Set<String>) {
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            let name = argument.split(separator: "=", maxSplits: 1).first.map(String.init) ?? argument
            if switches.contains(argument) {
                self.switches.insert(argument)
            } else if names.contains(name) {
                if argument.utf8.count > name.utf8.count {
                    values[name] = String(argument.dropFirst(name.count + 1))
                } else if index < arguments.count {
                    values[name] = arguments[index]
                    index += 1
                } else {
                    problem = "\(name) needs a value"
                }
            } else if argument.hasPrefix("-"), argument != "-" {
                problem = "unknown option \"\(argument)\""
            } else {
                others.append(argument)
            }
        }
    }

    /// The one directory that must be named.
    var directory: String? { others.count == 1 ? others[0] : nil }
}

private func verifyTrail(_ arguments: [String]) -> Int32 {
    let options = Options(arguments, values: ["--public-key", "--anchor"], switches: ["--json"])
    if let problem = options.problem { return wrongUse(problem) }
    guard let directory = options.directory else { return wrongUse("verify needs the directory of the trail") }
    var contents: [String: [UInt8]] = [:]
    for (name, path) in options.values {
        switch SettingsEnvironment.system.read(path, 256 << 20) {
        case .success(let bytes): contents[name] = bytes
        case .failure(let failure): return failed("\(path): \(failure.reason)")
        }
    }
    switch AuditVerification.run(directory, publicKeys: contents["--public-key"], anchor: contents["--anchor"]) {
    case .failure(let problem): return failed("\(problem)")
    case .success(let report):
        print(options.switches.contains("--json") ? report.json : report.text)
        if contents["--public-key"] == nil, !options.switches.contains("--json") {
            print("the keys are those the trail itself names; --public-key checks it with keys kept elsewhere")
        }
        return report.isGood ? 0 : 1
    }
}

private func showTrail(_ arguments: [String]) -> Int32 {
    let options = Options(
        arguments, values: Set(AuditFilter.options.keys), switches: ["--follow", "-f", "--all"])
    if let problem = options.problem { return wrongUse(problem) }
    guard let directory = options.directory else { return wrongUse("cat needs the directory of the trail") }
    var filter = AuditFilter()
    for (name, path) in AuditFilter.options { filter[keyPath: path] = options.values[name] }
    filter.showsOwn = options.switches.contains("--all")
    if !AuditReading.noteReading(directory, what: arguments.joined(separator: " ")) {
        printError("headgate: that you read this cannot be noted in \(directory), which is recorded otherwise\n")
    }
    let follows = options.switches.contains("--follow") || options.switches.contains("-f")
    let result = AuditReading.cat(directory, filter, follows: follows) { line in writeLine(line) }
    if case .failure(let problem) = result { return failed("\(problem)") }
    return 0
}

/// A line to standard output; false if nobody reads it any more.
private func writeLine(_ line: [UInt8]) -> Bool {
    let bytes = line + [0x0A]
    var done = 0
    while done < bytes.count {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe write(1, $0.baseAddress.map { unsafe $0 + done }, $0.count - done)
        }
        if count <= 0 {
            if count < 0, errno == EINTR { continue }
            return false
        }
        done += count
    }
    return true
}

private func rotateKey(_ arguments: [String]) -> Int32 {
    let options = Options(arguments, values: ["--config", "-c"], switches: [])
    if let problem = options.problem { return wrongUse(problem) }
    let path = options.values["--config"] ?? options.values["-c"] ?? "/etc/headgate/headgate.toml"
    let loaded = SettingsLoader.load(path: path)
    guard let configuration = loaded.configuration else {
        for problem in loaded.problems { printError("\(problem)\n") }
        return 1
    }
    let keys = AuditOptions(
        settings: configuration.audit, node: configuration.general.nodeID,
        stateDirectory: configuration.general.stateDirectory, version: headgateVersion)
    switch keys.rotateKey() {
    case .failure(let problem): return failed("\(problem)")
    case .success(let (old, new)):
        print("key \(new) takes the place of \(old ?? "none"): send the proxy HUP, or start it, for it to take over")
        return 0
    }
}
