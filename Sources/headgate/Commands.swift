import Console
import Credentials
import Glibc
import Settings

/// The version of this program.
let headgateVersion = Product.version

/// Runs a command; answers the exit code: 0 done, 1 failed, 2 wrong usage.
func dispatch(_ arguments: [String]) -> Int32 {
    guard let command = arguments.first else {
        printError(Usage.all)
        return 2
    }
    let rest = Array(arguments.dropFirst())
    if let text = Usage.commands[command], rest.contains(where: { ["--help", "-h"].contains($0) }) {
        print(text, terminator: "")
        return 0
    }
    switch command {
    case "run": return withConfig(command, rest, fallback: "/etc/headgate/headgate.toml", run)
    case "check": return withConfig(command, rest, fallback: nil, check)
    case "demo": return demo(rest)
    case "audit": return audit(rest)
    case "secret": return secret(rest)
    case "version", "--version", "-V":
        print("headgate \(headgateVersion)")
        return 0
    case "help", "--help", "-h":
        guard let name = rest.first else {
            print(Usage.all, terminator: "")
            return 0
        }
        guard let text = Usage.commands[name] else { return unknown(name) }
        print(text, terminator: "")
        return 0
    default: return unknown(command)
    }
}

private func unknown(_ command: String) -> Int32 {
    printError("headgate: unknown command \"\(command)\"\n\n" + Usage.all)
    return 2
}

/// Writes to standard error.
func printError(_ text: String) {
    var text = text
    _ = text.withUTF8 { unsafe write(2, $0.baseAddress, $0.count) }
}

private func withConfig(
    _ command: String, _ arguments: [String], fallback: String?, _ body: (String) -> Int32
) -> Int32 {
    func wrong(_ what: String) -> Int32 {
        printError("headgate: \(what)\n\n" + (Usage.commands[command] ?? Usage.all))
        return 2
    }
    var given: [String] = []
    var index = 0
    while index < arguments.count {
        let argument = arguments[index]
        index += 1
        if argument == "--config" || argument == "-c" {
            guard index < arguments.count else { return wrong("\(argument) needs the path of a file") }
            given.append(arguments[index])
            index += 1
        } else if argument.hasPrefix("--config=") {
            given.append(String(argument.dropFirst(9)))
        } else if argument.hasPrefix("-") {
            return wrong("unknown option \"\(argument)\"")
        } else {
            given.append(argument)
        }
    }
    if given.count > 1 { return wrong("several configuration files are named: \(given.joined(separator: ", "))") }
    guard let path = given.first ?? fallback else { return wrong("--config FILE is missing") }
    return body(path)
}

/// `headgate check`: every problem on a line of its own.
private func check(_ path: String) -> Int32 {
    let result = SettingsLoader.load(path: path, runsCommands: true)
    for problem in result.problems { print("\(problem)") }
    guard result.configuration != nil else { return 1 }
    print("\(path): good")
    return 0
}

/// `headgate secret`: the verifier of a password read from stdin.
private func secret(_ arguments: [String]) -> Int32 {
    guard arguments.count == 1 || arguments.count == 2, let kind = arguments.first else {
        printError(Usage.commands["secret"] ?? Usage.all)
        return 2
    }
    guard ["scram", "md5"].contains(kind) else {
        printError("headgate: secret knows scram and md5, not \"\(kind)\"\n")
        return 2
    }
    guard let line = readLine(strippingNewline: true), !line.isEmpty else {
        printError("headgate: no password on stdin: write it there, on one line\n")
        return 1
    }
    let password = SecretBytes(line)
    switch kind {
    case "scram":
        let verifier = ScramVerifier.derive(
            password: password, salt: randomBytes(16), iterations: ScramVerifier.defaultIterations)
        print(verifier.encoded)
        return 0
    case "md5":
        guard arguments.count == 2, let digest = MD5Login.hexDigest(password: password, user: arguments[1]) else {
            printError("headgate: MD5 verifiers contain the user's name: headgate secret md5 USER\n")
            return 2
        }
        print("md5" + digest.withBytes { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } })
        return 0
    default: return 2
    }
}
