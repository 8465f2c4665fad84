import ByteKit
import SQLText

/// `KILL` of a connection, whose number is one of ours.
extension MySQLEnvironment {
    /// What to do for a text that is one KILL with a number; nil for others, which the server answers.
    func kill(_ entry: StatementEntry, _ client: MySQLClientSession) -> MySQLStop? {
        guard entry.facts.statements.count == 1, entry.textLength < 256 else { return nil }
        let text = entry.withText { String(decoding: $0.toArray(), as: UTF8.self) }
        var words = text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
        guard words.first == "kill" else { return nil }
        words.removeFirst()
        if let word = words.first, word == "hard" || word == "soft" { words.removeFirst() }
        let isQuery = words.first == "query"
        if isQuery || words.first == "connection" { words.removeFirst() }
        guard words.count == 1, let id = UInt64(words[0]) else { return nil }
        return .kill(id, queryOnly: isQuery)
    }
}
