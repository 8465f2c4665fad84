import ByteKit

let statementText = Array("SELECT abalance FROM pgbench_accounts WHERE aid = 4711;".utf8)
let statementName = Array("P0_1".utf8)

let hashing = [
    Case(name: "hash-statement", operation: "hash the 55 bytes of a pgbench statement", count: 100_000) { count in
        hashAgain(statementText, count)
    },
    Case(name: "hash-name", operation: "hash the 4 bytes of a prepared statement's name", count: 100_000) { count in
        hashAgain(statementName, count)
    },
    Case(name: "name-table-hit", operation: "find one of 64 prepared statements by its name", count: 100_000) { count in
        var table = NameTable<UInt64>(hasher: Hash64(seed: 1))
        let names = (0..<64).map { Array("P0_\($0)".utf8) }
        for (number, name) in names.enumerated() { table.set(name, UInt64(number)) }
        var sum: UInt64 = 0
        for round in 0..<count { sum &+= names[round & 63].withSpan { table.find($0) ?? 0 } }
        return sum
    },
]

func hashAgain(_ bytes: [UInt8], _ count: Int) -> UInt64 {
    bytes.withSpan { span in
        var sum: UInt64 = 0
        for round in 0..<count { sum &+= Hash64(seed: UInt64(truncatingIfNeeded: round))(span) }
        return sum
    }
}
