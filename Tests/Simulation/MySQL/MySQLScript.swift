import ByteKit
import MySQLWire

/// What one simulated MySQL client sends, in steps; before each it waits for the answers to those before, or does not.
struct MySQLScript {
    struct Step {
        var bytes: [UInt8] = []
        var commands: [MySQLCommand] = []
        var words: [String] = []
        var waits = true
    }
    private struct Prepared {
        let id: UInt32
        let hasParameter: Bool
        var wasExecuted = false
    }

    private(set) var steps: [Step] = []
    private let client: Int
    private let severalAllowed: Bool
    private var step = Step()
    private var tokens = 0
    private var ids: UInt32 = 0
    private var held: [Prepared] = []

    init(client: Int, length: Int, severalAllowed: Bool, _ random: inout Random) {
        self.client = client
        self.severalAllowed = severalAllowed
        for _ in 0..<length {
            step = Step(waits: random.chance(60))
            for _ in 0..<(1 + random.below(3)) { add(&random) }
            steps.append(step)
        }
        // What some leave open is somebody else's to end.
        step = Step()
        if random.chance(50) {
            query("ROLLBACK")
            command(.resetConnection, "reset")
        }
        query("SELECT '\(client).end'")
        steps.append(step)
    }

    private mutating func token() -> String {
        tokens += 1
        return "\(client).\(tokens)"
    }

    private mutating func add(_ random: inout Random) {
        switch random.below(100) {
        case 0..<62: query(text(&random))
        case 62..<68: question(&random)
        case 68..<72: several(&random)
        case 72..<75: command(.ping, "ping")
        case 75..<78:
            let name = random.pick(["db0", "db1", "nope"])
            command(.initDatabase, "use \(name)", Array(name.utf8))
        case 78..<79: command(.resetConnection, "reset", after: { $0.held = [] })
        case 79..<80:
            let off = UInt8(random.below(2))
            command(.setOption, "option \(off)", [off, 0])
        case 80..<87: prepare(&random)
        case 87..<98: execute(&random)
        default: close(&random)
        }
    }

    private mutating func text(_ random: inout Random) -> String {
        switch random.below(60) {
        case 0...7: return "SELECT '\(token())'"
        case 8...13: return "SELECT @@\(random.pick(Self.variables))"
        case 14...19: return "SET \(random.pick(["", "SESSION ", "@@"]))\(assignment(&random))"
        case 20: return "SET \(assignment(&random)), \(assignment(&random))"
        case 21: return "SET \(random.pick(Self.variables)) = DEFAULT"
        case 22: return "SET @@group_concat_max_len = \(1000 + random.below(9)) + \(client)"
        case 23, 24: return "SET @\(random.pick(["a", "b"])) = '\(token())'"
        case 25: return "SET @a = 1 + \(client)"
        case 26, 27: return "SELECT @\(random.pick(["a", "b"]))"
        case 28: return "USE \(random.pick(["db0", "db1"]))"
        case 29, 30: return "SELECT DATABASE()"
        case 31...33: return random.pick(["BEGIN", "START TRANSACTION"])
        case 34, 35: return "COMMIT"
        case 36: return "ROLLBACK"
        case 37...40: return "INSERT INTO t VALUES ('\(token())')"
        case 41: return "INSERT INTO t VALUES ('\(token())'), ('\(token())')"
        case 42: return "INSERT INTO t (id, v) VALUES (\(50 + random.below(9)), '\(token())')"
        case 43: return "UPDATE t SET v = \(random.chance(50) ? "'x'" : "LAST_INSERT_ID(\(client)77)")"
        case 44: return "SELECT 1 FROM t"
        case 45:
            return random.pick(["SELEC 1", "SELECT nope", "SELECT 1 FROM missing", "SET sql_safe_updates = 'bad'"])
        case 46: return random.pick(["INSERT INTO t VALUES ('dup')", "USE nope"])
        case 47, 48: return "SELECT CAST('\(token())x' AS SIGNED)"
        case 49: return "SELECT CAST('\(token())x' AS SIGNED), CAST('\(token())x' AS SIGNED)"
        case 50: return "DROP TABLE IF EXISTS nope"
        case 51: return "SET group_concat_max_len = 1"
        case 52: return "CREATE TEMPORARY TABLE tmp (a int)"
        case 53: return random.pick(["SELECT 1 FROM tmp", "DROP TEMPORARY TABLE tmp"])
        case 54: return "SELECT GET_LOCK('l\(client)', 0)"
        case 55: return random.pick(["SELECT RELEASE_LOCK('l\(client)')", "SELECT RELEASE_ALL_LOCKS()"])
        case 56: return "SELECT SLEEP(1)"
        case 57: return random.pick(["SET NAMES latin1", "SET NAMES utf8mb4"])
        case 58: return "SET autocommit = \(random.below(2))"
        default: return "DO 0"
        }
    }

    private static let variables = ["time_zone", "group_concat_max_len", "sql_safe_updates", "lc_time_names"]

    private mutating func assignment(_ random: inout Random) -> String {
        switch random.below(5) {
        case 0: "time_zone = '+0\(client % 10):00'"
        case 1: "group_concat_max_len = \(client)00\(random.below(9))"
        case 2: "sql_safe_updates = \(random.below(2))"
        case 3: "lc_time_names = '\(random.pick(["de_DE", "fr_FR", "en_US"]))'"
        default: "group_concat_max_len = 1000 + \(client)"
        }
    }

    /// What a client asks of the statement before.
    private mutating func question(_ random: inout Random) {
        query(
            random.pick([
                "SELECT LAST_INSERT_ID()", "SELECT LAST_INSERT_ID()", "SHOW WARNINGS", "SHOW WARNINGS",
                "SELECT ROW_COUNT()", "SELECT @@warning_count", "SHOW COUNT(*) WARNINGS", "SELECT FOUND_ROWS()",
                "SELECT LAST_INSERT_ID(), ROW_COUNT()", "SELECT @@character_set_client", "SELECT @@autocommit",
            ]))
    }

    private mutating func several(_ random: inout Random) {
        guard severalAllowed else { return query("SELECT '\(token())'") }
        query(
            random.pick([
                "SELECT '\(token())'; SELECT '\(token())'",
                "INSERT INTO t VALUES ('\(token())'); SELECT LAST_INSERT_ID()",
                "SET time_zone = '+0\(client % 10):30'; SELECT nope; SET time_zone = '+00:00'",
                "BEGIN; INSERT INTO t VALUES ('\(token())'); COMMIT",
                "SET @a = '\(token())'; SELECT @a",
                "SELECT '\(token())'; SELEC 1",
            ]))
    }

    // MARK: Prepared statements

    private mutating func prepare(_ random: inout Random) {
        let text = random.pick([
            "SELECT ?", "SELECT ?", "SELECT 'common'", "SELECT '\(token())'", "SELECT @@time_zone",
            "SELECT LAST_INSERT_ID()",
            "INSERT INTO t VALUES (?)", "SELECT ROW_COUNT()", "SELEC ?", "SELECT 1 FROM missing", "SELECT 1 FROM t",
            "SELECT @a",
            "SET @a = '\(token())'", "SELECT DATABASE()",
        ])
        ids += 1
        let isGood = !text.hasPrefix("SELEC ") && !text.contains("missing")
        if isGood { held.append(Prepared(id: ids, hasParameter: text.contains("?"))) }
        command(.prepare, "prepare \(ids): \(text)", Array(text.utf8))
    }

    private mutating func execute(_ random: inout Random) {
        guard !held.isEmpty else { return prepare(&random) }
        let index = random.below(held.count)
        let statement = held[index]
        var body = ByteWriter()
        body.le32(statement.id)
        body.u8(0)
        body.le32(1)
        var word = "execute \(statement.id)"
        if statement.hasParameter {
            let isBound = !statement.wasExecuted || random.chance(50)
            let value = token()
            word += " \(value)\(isBound ? "" : " as before")"
            body.u8(0)
            body.u8(isBound ? 1 : 0)
            if isBound { body.le16(UInt16(MySQLType.varString)) }
            body.lengthEncoded(Array(value.utf8))
        }
        held[index].wasExecuted = true
        command(.execute, word, body.take())
    }

    private mutating func close(_ random: inout Random) {
        guard !held.isEmpty else { return }
        let statement = held.remove(at: random.below(held.count))
        var body = ByteWriter()
        body.le32(statement.id)
        command(random.chance(30) ? .resetStatement : .closeStatement, "close \(statement.id)", body.take())
    }

    // MARK: Commands

    private mutating func query(_ text: String) { command(.query, text, Array(text.utf8)) }

    private mutating func command(
        _ command: MySQLCommand, _ word: String, _ body: [UInt8] = [], after: (inout MySQLScript) -> Void = { _ in }
    ) {
        var out = ByteWriter()
        out.command(command, body)
        step.bytes += out.take()
        step.commands.append(command)
        step.words.append(word)
        after(&self)
    }
}
