import Glibc

/// `MicroBench list` prints the cases, `MicroBench CASE COUNT` runs one, `MicroBench CASE COUNT time` prints ns per
/// operation. Started by `Benchmarks/micro`.
@main
enum MicroBench {
    static func main() {
        let arguments = CommandLine.arguments
        if arguments.count == 2, arguments[1] == "list" {
            for one in cases { print("\(one.name)\t\(one.count)\t\(one.operation)") }
            return
        }
        guard arguments.count >= 3, let one = cases.first(where: { $0.name == arguments[1] }),
            let count = Int(arguments[2])
        else {
            print("usage: MicroBench list | MicroBench CASE COUNT [time]")
            exit(2)
        }
        let begin = nanoseconds()
        let result = one.run(count)
        let spent = nanoseconds() - begin
        if arguments.count > 3 {
            print(Double(spent) / Double(count))
        } else {
            print(result)
        }
    }

    static func nanoseconds() -> Int {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000_000 + now.tv_nsec
    }
}
