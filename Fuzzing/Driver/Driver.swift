import FuzzTargets
import Glibc

/// libFuzzer's loop over one target: `Fuzz TARGET DIRECTORY [libFuzzer's options]`. Writes the target's seeds into the
/// directory first.
@main
struct Driver {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count > 2, let chosen = FuzzTarget(rawValue: arguments[1]) else {
            print("usage: Fuzz TARGET DIRECTORY [options]; targets: \(FuzzTarget.allCases.map(\.rawValue))")
            exit(2)
        }
        for (index, seed) in chosen.seeds.enumerated() {
            let file = unsafe open("\(arguments[2])/seed\(index)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            guard file >= 0, unsafe write(file, seed, seed.count) == seed.count else {
                print("cannot write to \(arguments[2])")
                exit(2)
            }
            close(file)
        }
        unsafe target = chosen
        // Owned by the process until it ends.
        var words = unsafe ([arguments[0]] + arguments.dropFirst(2)).map { unsafe strdup($0) } + [nil]
        var count = CInt(arguments.count - 1)
        unsafe words.withUnsafeMutableBufferPointer { words in
            var start = words.baseAddress
            unsafe exit(runLibFuzzer(&count, &start, fuzzOne))
        }
    }
}

nonisolated(unsafe) private var target = FuzzTarget.wire

/// Under the name libFuzzer looks for.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let wrong = unsafe target.run(input) { fatalError(wrong) }
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
