import Console
import Credentials
import Glibc
import Settings

/// The version of this program.
let headgateVersion = Product.version

private let usage = """
    usage: headgate COMMAND [OPTIONS]

      run   [--config FILE]         serve; FILE is /etc/headgate/headgate.toml unless named
      check --config FILE           validate a configuration without serving
      demo  [--port-base N]         try everything on throwaway servers
      secret scram|md5              read a password on stdin, print its verifier
      version                       print the version
      help [COMMAND]                print this

    """

/// Runs a command; answers the exit code: 0 done, 1 failed, 2 wrong usage.
func dispatch(_ arguments: [String]) -> Int32 {
    guard let command = arguments.first else {
        printError(usage)
        return 2
    }
    let rest = Array(arguments.dropFirst())
    switch command {
    case "run": return withConfig(rest, fallback: "/etc/headgate/headgate.toml", run)
    case "check": return withConfig(rest, fallback: nil, check)
    case "demo": return demo(rest)
    case "secret": return secret(rest)
    case "version", "--version", "-V":
        print("headgate \(headgateVersion)")
        return 0
    case "help", "--help", "-h":
        print(usage)
        return 0
    default:
        printError("headgate: unknown command \"\(command)\"\n\n" + usage)
        return 2
    }
}

/// Writes to standard error.
func printError(_ text: String) {
    var text = text
    _ = text.withUTF8 { unsafe write(2, $0.baseAddress, $0.count) }
}

private func withConfig(_ arguments: [String], fallback: String?, _ body: (String) -> Int32) -> Int32 {
    var path = fallback
    var index = 0
    while index < arguments.count {
        let argument = arguments[index]
        if argument == "--config" || argument == "-c", index + 1 < arguments.count {
            path = arguments[index + 1]
            index += 2
        } else if argument.hasPrefix("--config=") {
            path = String(argument.dropFirst(9))
            index += 1
        } else if !argument.hasPrefix("-") {
            path = argument
            index += 1
        } else {
            printError("headgate: unknown option \"\(argument)\"\n\n" + usage)
            return 2
        }
    }
    guard let path else {
        printError("headgate: --config FILE is missing\n\n" + usage)
        return 2
    }
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
        printError("usage: headgate secret scram | headgate secret md5 USER\n")
        return 2
    }
    guard let line = readLine(strippingNewline: true), !line.isEmpty else {
        printError("headgate: no password on stdin\n")
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
    default:
        printError("headgate: secret knows scram and md5, not \"\(kind)\"\n")
        return 2
    }
}
