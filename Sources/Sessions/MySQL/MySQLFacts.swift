import ByteKit
import MySQLWire
public import SQLText

/// What every server of a pool says of itself: learned from the first one, and the same for its clients.
public struct MySQLFacts: Sendable {
    /// A collation and the character set it is of.
    struct Collation: Sendable {
        let charset: String
        let name: String
    }

    /// Family and version.
    public let version: MySQLServerVersion?
    private var collations: [UInt16: Collation] = [:]
    /// `sql_mode` of sessions that say nothing else.
    public private(set) var sqlMode = ""

    /// The questions `init(rows:)` wants the answers to, in one text without several statements.
    public static let question = """
        SELECT ID, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLLATIONS WHERE ID > 0 \
        UNION ALL SELECT 0, @@global.sql_mode, ''
        """

    /// Reads the rows of the answer; nil if they make no sense.
    public init?(rows: [[UInt8]], version: MySQLServerVersion?) {
        self.version = version
        for row in rows {
            var values: [String] = []
            row.withSpan { span in
                try? MySQLRow.text(span, columns: 3) { _, range in
                    values.append(range.map { String(decoding: span.extracting($0).toArray(), as: UTF8.self) } ?? "")
                }
            }
            guard values.count == 3, let id = UInt16(values[0]) else { return nil }
            if id == 0 { sqlMode = values[1] } else { collations[id] = Collation(charset: values[1], name: values[2]) }
        }
        guard !collations.isEmpty else { return nil }
    }

    /// What a session is set to that begins with a collation; as the servers do, their own for one they do not know.
    func names(_ id: UInt16) -> [SettingEntry] {
        if let known = collations[id] { return MySQLSettings.names(known.charset, known.name) }
        return [
            ("character_set_client", "character_set_client"), ("character_set_results", "character_set_results"),
            ("collation_connection", "collation_connection"),
        ].map { SettingEntry(name: $0.0, replay: Array("SET \($0.0) = @@global.\($0.1)".utf8)) }
    }
}

extension MySQLEnvironment {
    /// The collation servers are logged in to with: utf8mb4_general_ci, which all of them know.
    public static var serverCollation: UInt8 { 45 }

    /// What a server that has just been logged in to has set.
    public func initialSettings(database: String) -> SettingsProfile {
        let schema = database.isEmpty ? [] : [SettingEntry(name: MySQLSettings.database, replay: Array(database.utf8))]
        return profiles.intern(schema + MySQLSettings.ofNames.map { SettingEntry(name: $0, replay: nil) })
    }

    /// Settings that are nobody's.
    public var unknownSettings: SettingsProfile {
        profiles.intern((MySQLSettings.ofNames + [MySQLSettings.database]).map { SettingEntry(name: $0, replay: nil) })
    }

    /// The settings a client begins with.
    public func base(
        _ facts: MySQLFacts, collation: UInt16, database: String, ignoresSpace: Bool
    ) -> SettingsProfile {
        var entries = facts.names(collation)
        if !database.isEmpty {
            entries.append(SettingEntry(name: MySQLSettings.database, replay: Array(database.utf8)))
        }
        if ignoresSpace {
            let mode = facts.sqlMode.isEmpty ? "IGNORE_SPACE" : facts.sqlMode + ",IGNORE_SPACE"
            entries.append(SettingEntry(name: "sql_mode", replay: Array("SET sql_mode = '\(mode)'".utf8)))
        }
        return profiles.intern(entries)
    }
}
