import ByteKit
import MySQLWire

/// What of the changes a server tells of is told to the client: servers are asked for all of them, clients get what a
/// server would tell them by itself.
enum SessionFilter {
    /// `session_track_system_variables` of both families as installed.
    private static let usual: Set<String> = [
        "time_zone", "autocommit", "character_set_client", "character_set_results", "character_set_connection",
    ]

    static func write(_ changes: RawSpan, for client: MySQLClientSession, to out: inout ByteWriter) {
        let wishes = client.extra?.tracking ?? [:]
        let asked = wishes["session_track_system_variables"].map { list in
            Set(list.lowercased().split(separator: ",").map { $0.filter { !$0.isWhitespace } })
        }
        let names = asked ?? usual
        let wantsSchema = wishes["session_track_schema"].map { $0.uppercased() != "OFF" } ?? true
        let wantsChange = wishes["session_track_state_change"].map { $0.uppercased() == "ON" || $0 == "1" } ?? false
        var reader = SessionChanges()
        while let change = try? reader.next(in: changes) {
            switch change {
            case .variable(let name, let value):
                let text = String(decoding: changes.extracting(name).toArray(), as: UTF8.self)
                guard names.contains(text) || names.contains("*") else { continue }
                block(0, &out) { inner in
                    inner.lengthEncoded(changes.extracting(name))
                    inner.lengthEncoded(changes.extracting(value))
                }
            case .schema(let name):
                if wantsSchema { block(1, &out) { $0.lengthEncoded(changes.extracting(name)) } }
            case .stateChanged(let has):
                if wantsChange { block(2, &out) { $0.u8(has ? 0x31 : 0x30) } }
            case .gtids, .transactionCharacteristics, .transactionState, .other: continue
            }
        }
    }

    private static func block(_ type: UInt8, _ out: inout ByteWriter, _ body: (inout ByteWriter) -> Void) {
        var inner = ByteWriter(capacity: 64)
        body(&inner)
        out.u8(type)
        out.lengthEncoded(inner.take())
    }
}
