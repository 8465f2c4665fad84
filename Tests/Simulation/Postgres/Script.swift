import ByteKit
import PostgresWire

/// What one simulated client sends, in steps; before each it waits for the answers to those before, or does not.
struct Script {
    struct Step {
        var bytes: [UInt8] = []
        var words: [String] = []
        var waits = true
        /// What names stand for behind it depends on whether it succeeds: nothing that uses names is sent before that is
        /// known. (The proxy decides about names when a message is sent, see docs/compatibility.md.)
        var changesNames = false
    }

    var steps: [Step] = []
    private let client: Int
    private var tokens = 0
    private var hasMixed = false

    /// Whether a Query may come behind extended messages without a Sync: what is answered then depends on errors.
    private let mayMix: Bool

    /// Whether RESET goes back to a value of the start-up packet, which takes effect with the next message the proxy
    /// reads when nothing is owed; so nothing is sent behind it.
    private let hasStartup: Bool

    init(client: Int, length: Int, mayMix: Bool, hasStartup: Bool, _ random: inout Random) {
        self.hasStartup = hasStartup
        self.client = client
        self.mayMix = mayMix
        for _ in 0..<length {
            var step = Step()
            step.waits = random.chance(60) || steps.last?.changesNames == true
            add(to: &step, &random)
            if step.changesNames { step.waits = true }
            steps.append(step)
        }
        // An open transaction would keep its server from the others for ever.
        for text in ["ROLLBACK", "DISCARD ALL", "SELECT '\(client).end'"] {
            var step = Step()
            query(text, &step)
            steps.append(step)
        }
    }

    private mutating func token() -> String {
        tokens += 1
        return "\(client).\(tokens)"
    }

    private mutating func add(to step: inout Step, _ random: inout Random) {
        switch random.below(12) {
        case 0...5: query(text(&random), &step)
        case 6: query(several(&random).joined(separator: "; "), &step)
        case 7: copy(&step, &random)
        default: batch(&step, &random)
        }
    }

    /// Statements of one Query. What an EXECUTE needs is prepared before all of them, which cannot be done where they
    /// begin with the end of an aborted transaction (`aborted-then-execute` in docs/compatibility.md).
    private mutating func several(_ random: inout Random) -> [String] {
        var texts: [String] = []
        for _ in 0..<(2 + random.below(3)) {
            let text = inner(&random)
            let namesStatement = ["EXECUTE", "DEALLOC", "PREPARE"].contains { text.hasPrefix($0) }
            let mayFollow = !texts.contains { $0.hasPrefix("ROLLBACK") || $0 == "COMMIT" }
            texts.append(namesStatement && !mayFollow ? "SELECT '\(token())'" : text)
        }
        return texts
    }

    /// A statement that is not alone.
    private mutating func inner(_ random: inout Random) -> String {
        let text = text(&random)
        return hasStartup && text.hasPrefix("RESET") ? "SHOW work_mem" : text
    }

    private mutating func text(_ random: inout Random) -> String {
        let names = ["work_mem", "application_name", "lock_timeout"]
        switch random.below(30) {
        case 0...5: return "SELECT '\(token())'"
        case 6, 7: return "SHOW \(random.pick(names))"
        case 8, 9: return "SET \(random.pick(names)) = '\(random.chance(50) ? token() : "common")'"
        case 10: return "SET LOCAL \(random.pick(names)) = '\(token())'"
        case 11: return "RESET \(random.pick(names + ["ALL"]))"
        case 12: return "SELECT set_config('\(random.pick(names))', '\(token())', false)"
        case 13...15: return "BEGIN"
        case 16, 17: return "COMMIT"
        case 18: return "ROLLBACK"
        case 19: return "SAVEPOINT s\(random.below(2))"
        case 20: return "ROLLBACK TO SAVEPOINT s\(random.below(2))"
        case 21: return "RELEASE SAVEPOINT s\(random.below(2))"
        case 22: return random.pick(["SELECT 1/0", "SELEC 1", "SELECT nope", "SET work_mem = 'bad'"])
        case 23: return random.pick(["CREATE TEMP TABLE t (a int)", "DROP TABLE t"])
        case 24: return random.pick(["SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"])
        case 25: return "PREPARE p\(random.below(2)) AS \(definition(&random))"
        case 26, 27: return "EXECUTE p\(random.below(2))"
        case 28: return random.pick(["DEALLOCATE p\(random.below(2))", "DEALLOCATE ALL"])
        default: return random.pick(["SELECT pg_sleep(1)", "", "DISCARD ALL"])
        }
    }

    private mutating func definition(_ random: inout Random) -> String {
        switch random.below(8) {
        case 0: "SELECT set_config('work_mem', '\(token())', false)"
        case 1: "SELECT pg_advisory_lock(1)"
        case 2, 3, 4: "SELECT '\(token())'"
        default: "SELECT 'common'"
        }
    }

    // MARK: Messages

    private func message(_ tag: UInt8, _ word: String, _ step: inout Step, _ body: (inout ByteWriter) -> Void) {
        var out = ByteWriter()
        let mark = out.begin(tag)
        body(&out)
        out.end(mark)
        step.bytes += out.take()
        step.words.append(word)
    }

    private func query(_ text: String, _ step: inout Step) {
        if text.contains("PREPARE") || text.contains("DEALLOC") || text.contains("DISCARD")
            || hasStartup && text.contains("RESET")
        {
            step.changesNames = true
        }
        message(FrontendTag.query, "Q \(text)", &step) { $0.cString(text) }
    }

    private func copy(_ step: inout Step, _ random: inout Random) {
        if random.chance(40) { return query("COPY c TO STDOUT", &step) }
        query(random.chance(70) ? "COPY c FROM STDIN" : "SELECT 1; COPY c FROM STDIN; SELECT 2", &step)
        copyData(&step, &random)
    }

    private func copyData(_ step: inout Step, _ random: inout Random) {
        for _ in 0..<random.below(4) {
            let size = random.below(50)
            message(FrontendTag.copyData, "d", &step) { out in for _ in 0..<size { out.u8(0x61) } }
        }
        if random.chance(80) {
            message(FrontendTag.copyDone, "c", &step) { _ in }
        } else {
            message(FrontendTag.copyFail, "f", &step) { $0.cString("no") }
        }
    }

    private mutating func batch(_ step: inout Step, _ random: inout Random) {
        let count = 1 + random.below(3)
        for _ in 0..<count {
            for _ in 0..<(1 + random.below(3)) { statement(&step, &random) }
            if mayMix && random.chance(5) {
                query("SELECT '\(token())'", &step)
                // Whether the Query dropped the unnamed statement depends on whether it was discarded.
                hasMixed = true
            }
            if random.chance(10) { message(FrontendTag.flush, "H", &step) { _ in } }
            message(FrontendTag.sync, "S", &step) { _ in }
        }
    }

    private mutating func statement(_ step: inout Step, _ random: inout Random) {
        let name = random.chance(50) ? "" : random.pick(["n0", "n1", "p0"])
        let shared = ["SELECT $1", "SELECT 'common'", "SELECT generate_series(1, 3)"]
        var sql = random.chance(60) ? random.pick(shared) : inner(&random)
        // These behave differently through the extended protocol, or differ from a private server on purpose.
        if ["EXECUTE", "DISCARD", "PREPARE", "DEALLOC"].contains(where: { sql.hasPrefix($0) }) { sql = "SELECT $1" }
        switch random.below(10) {
        case 0...5: parse(name, sql, &step)
        case 6: close(0x53, name, &step)
        default: if name.isEmpty && hasMixed { parse(name, sql, &step) }
        }
        if random.chance(10) { describe(0x53, name, &step) }
        let portal = random.chance(80) ? "" : "portal"
        let parameter = (sql == "SELECT $1") != (name.isEmpty && random.chance(5)) ? token() : nil
        bind(portal, name, parameter, &step)
        if random.chance(40) { describe(0x50, portal, &step) }
        let limit = random.chance(20) ? 2 : 0
        execute(portal, limit, &step)
        if limit > 0 { execute(portal, limit, &step) }
        if !portal.isEmpty && random.chance(50) { close(0x50, portal, &step) }
    }

    private func parse(_ name: String, _ sql: String, _ step: inout Step) {
        message(FrontendTag.parse, "P \(name): \(sql)", &step) { out in
            out.cString(name)
            out.cString(sql)
            out.i16(0)
        }
    }

    private func bind(_ portal: String, _ name: String, _ parameter: String?, _ step: inout Step) {
        message(FrontendTag.bind, "B \(portal)<\(name) \(parameter ?? "")", &step) { out in
            out.cString(portal)
            out.cString(name)
            out.i16(0)
            out.i16(parameter == nil ? 0 : 1)
            if let parameter {
                out.i32(Int32(parameter.utf8.count))
                out.text(parameter)
            }
            out.i16(0)
        }
    }

    private func describe(_ what: UInt8, _ name: String, _ step: inout Step) {
        message(FrontendTag.describe, "D \(UnicodeScalar(what))\(name)", &step) { out in
            out.u8(what)
            out.cString(name)
        }
    }

    private func execute(_ portal: String, _ limit: Int, _ step: inout Step) {
        message(FrontendTag.execute, "E \(portal) \(limit)", &step) { out in
            out.cString(portal)
            out.u32(UInt32(limit))
        }
    }

    private func close(_ what: UInt8, _ name: String, _ step: inout Step) {
        message(FrontendTag.close, "C \(UnicodeScalar(what))\(name)", &step) { out in
            out.u8(what)
            out.cString(name)
        }
    }
}
