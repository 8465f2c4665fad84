import ByteKit
import SQLText

/// What an object mapper sends: 667 bytes, two joins, a list of values.
let mapperText = Array(
    """
    SELECT "orders"."id", "orders"."created_at", "orders"."updated_at", "orders"."customer_id", "orders"."status", \
    "orders"."total_cents", "customers"."id" AS customer_pk, "customers"."name", "customers"."email", "items"."sku" \
    FROM "orders" INNER JOIN "customers" ON ("orders"."customer_id" = "customers"."id") LEFT OUTER JOIN "order_items" \
    "items" ON ("orders"."id" = "items"."order_id") WHERE ("orders"."status" IN ('paid', 'shipped', 'returned') AND \
    "orders"."created_at" >= '2026-01-01T00:00:00+00:00'::timestamptz AND "customers"."region" = 'eu-west' AND NOT \
    ("orders"."total_cents" < 1000)) ORDER BY "orders"."created_at" DESC, "orders"."id" ASC LIMIT 50 OFFSET 100
    """.utf8)

func lexAgain(_ bytes: [UInt8], _ count: Int) -> UInt64 {
    var bytes = bytes
    var sum: UInt64 = 0
    for round in 0..<count {
        bytes[bytes.count - 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: round & 7)
        sum &+= bytes.withSpan { text in
            var lexer = Lexer()
            var tokens: UInt64 = 0
            while lexer.next(in: text) != nil { tokens &+= 1 }
            return tokens
        }
    }
    return sum
}

func fingerprintAgain(_ bytes: [UInt8], _ count: Int) -> UInt64 {
    var bytes = bytes
    var sum: UInt64 = 0
    for round in 0..<count {
        bytes[bytes.count - 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: round & 7)
        sum &+= bytes.withSpan { Fingerprint.of($0) }
    }
    return sum
}

/// Looks one text up again and again among `others` more.
func hitAgain(_ bytes: [UInt8], _ count: Int, others: Int = 1000) -> UInt64 {
    let cache = StatementCache(seed: Hash64(seed: 1))
    let noTypes: [UInt8] = []
    func find(_ text: [UInt8]) -> UInt64 {
        text.withSpan { text in noTypes.withSpan { cache.entry(text: text, types: $0).serial } }
    }
    for number in 0..<others { _ = find(Array("SELECT \(number)".utf8)) }
    _ = find(bytes)
    var sum: UInt64 = 0
    for _ in 0..<count { sum &+= find(bytes) }
    return sum
}

/// Looks up a text that differs in its value each time: never in the cache, its fingerprint always known.
func missAgain(_ count: Int) -> UInt64 {
    let cache = StatementCache(seed: Hash64(seed: 1))
    let noTypes: [UInt8] = []
    var text = Array("SELECT abalance FROM pgbench_accounts WHERE aid = 00000000;".utf8)
    var sum: UInt64 = 0
    for round in 0..<count {
        var rest = round
        for place in 0..<8 {
            text[text.count - 2 - place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        sum &+= text.withSpan { text in noTypes.withSpan { cache.entry(text: text, types: $0).serial } }
    }
    return sum
}

let statements = [
    Case(name: "lex-select", operation: "cut a pgbench statement of 55 bytes into tokens", count: 50_000) { count in
        lexAgain(statementText, count)
    },
    Case(name: "lex-mapper", operation: "cut an object mapper's 667 bytes into tokens", count: 5_000) { count in
        lexAgain(mapperText, count)
    },
    Case(name: "fingerprint-select", operation: "fingerprint of the 55 bytes", count: 20_000) { count in
        fingerprintAgain(statementText, count)
    },
    Case(name: "fingerprint-mapper", operation: "fingerprint of the 667 bytes", count: 2_000) { count in
        fingerprintAgain(mapperText, count)
    },
    Case(name: "cache-hit-select", operation: "find the 55 bytes in the statement cache", count: 50_000) { count in
        hitAgain(statementText, count)
    },
    Case(name: "cache-hit-mapper", operation: "find the 667 bytes in the statement cache", count: 20_000) { count in
        hitAgain(mapperText, count)
    },
    Case(name: "cache-miss", operation: "a new value in a statement of known fingerprint", count: 5_000) { count in
        missAgain(count)
    },
]
