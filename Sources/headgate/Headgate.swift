import Glibc

/// The program: `headgate COMMAND …`. Everything it does is a free function elsewhere; closures written here would be
/// isolated to the main actor.
@main
struct Headgate {
    static func main() {
        exit(dispatch(Array(CommandLine.arguments.dropFirst())))
    }
}
