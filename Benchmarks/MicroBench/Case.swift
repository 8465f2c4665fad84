/// One operation that can be repeated. `Benchmarks/micro` runs it N and 2N times under callgrind; the difference, divided
/// by N, is what one operation costs, free of process start and of the case's own set-up.
struct Case: Sendable {
    /// What it is called on the command line.
    let name: String
    /// What one operation is, for the table.
    let operation: String
    /// How often callgrind repeats it: enough that rounding vanishes, few enough to take a second or two.
    let count: Int
    /// Repeats the operation and returns something that depends on every repetition, so that none is optimised away.
    let run: @Sendable (_ count: Int) -> UInt64
}

/// Every case, in the order of the table.
let cases: [Case] = hashing + framing + statements + leasing + mysql + auditing
