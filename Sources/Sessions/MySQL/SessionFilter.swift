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
        var reader = SessionChanges()
        while let change = try? reader.next(in: changes) {
            switch change {
            case .variable(let name, let value):
                let text = String(decoding: changes.extracting(name).toArray(), as: UTF8.self)
                guard usual.contains(text) else { continue }
                block(0, &out) { inner in
                    inner.lengthEncoded(changes.extracting(name))
                    inner.lengthEncoded(changes.extracting(value))
                }
            case .schema(let name):
                block(1, &out) { $0.lengthEncoded(changes.extracting(name)) }
            case .gtids, .stateChanged, .transactionCharacteristics, .transactionState, .other: continue
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
