import ByteKit
import Testing

@testable import MySQLWire

@Suite struct CommandTests {
    private let attributes: MySQLCapabilities = [.mysql, .protocol41, .queryAttributes]

    @Test func queries() throws {
        let plain = try ascii("\u{3}SELECT 1").withSpan { try QueryCommand(parsing: $0, []) }
        #expect(plain.text == 1 && plain.attributeCount == 0)
        // No attributes, but their count is there.
        let none = try (hex("03 00 01") + ascii("SELECT 1")).withSpan { try QueryCommand(parsing: $0, attributes) }
        #expect(none.text == 3 && none.attributes == 1..<3)
        // A string, a NULL, an integer.
        let head = hex("03 03 01 02 01 fd00 0161 0600 0162 0380 0163 0576616c7565 07000000")
        let some = try (head + ascii("SELECT 1")).withSpan { try QueryCommand(parsing: $0, attributes) }
        #expect(some.text == head.count && some.attributeCount == 3)
        for part in prefixes(head).dropFirst().dropLast() {
            #expect(throws: MySQLWireError.self) { try part.withSpan { try QueryCommand(parsing: $0, attributes) } }
        }
        #expect(throws: MySQLWireError.excessive(.query)) {
            try hex("03 feffffffffffffffff 01").withSpan { try QueryCommand(parsing: $0, attributes) }
        }
    }

    @Test func executions() throws {
        func execute(_ text: String, _ count: Int, _ capabilities: MySQLCapabilities = []) throws -> ExecuteCommand {
            try hex(text).withSpan { try ExecuteCommand(parsing: $0, parameters: count, capabilities) }
        }
        let none = try execute("17 05000000 01 01000000", 0)
        #expect(none.statement == 5 && none.flags.opensCursor && none.parameters == nil)
        let bound = try execute("17 05000000 00 01000000 00 01 0300 fe80 01000000 0161", 2)
        #expect(bound.parameters?.bindsTypes == true && bound.parameters?.types == 12..<16)
        #expect(bound.parameters?.values == 16)
        let again = try execute("17 05000000 00 01000000 02 00 01000000", 2)
        #expect(again.parameters?.bindsTypes == false && again.parameters?.values == 12)
        let bytes = hex("17 05000000 00 01000000 02 00")
        bytes.withSpan { span in
            let nulls = again.parameters?.nullBitmap ?? 0..<0
            #expect(!span.isNull(0, in: nulls) && span.isNull(1, in: nulls) && !span.isNull(8, in: nulls))
        }
        // With query attributes, more parameters than the statement has; they have names.
        let named = try execute("17 05000000 08 01000000 02 00 01 0300 00 fd00 0161 01000000 0162", 1, attributes)
        #expect(named.parameters?.count == 2)
        // Fewer than the statement has is no execution.
        #expect(throws: MySQLWireError.excessive(.execute)) {
            try execute("17 05000000 08 01000000 01 00 01 0300 00", 2, attributes)
        }
        let bulk = try hex("fa 05000000 c000 fd00 00 0178").withSpan {
            try BulkExecuteCommand(parsing: $0, parameters: 1)
        }
        #expect(bulk.sendsTypes && bulk.wantsUnitResults && bulk.types == 7..<9 && bulk.rows == 9)
    }

    @Test func changeOfUser() throws {
        let capabilities: MySQLCapabilities = [.protocol41, .secureConnection, .pluginAuth, .connectAttributes]
        let attributes = ConnectionAttributes([.init("program_name", "x")])
        let command = ChangeUserCommand(
            user: "bob", authResponse: [1, 2, 3], database: "db", authPlugin: "p", attributes: attributes)
        let bytes = payload { command.write(to: &$0, capabilities) }
        #expect(try bytes.withSpan { try ChangeUserCommand(parsing: $0, capabilities) } == command)
        // Clients of 4.1 send no collation and nothing behind it.
        let short = hex("11 626f6200 00 646200")
        let old = try short.withSpan { try ChangeUserCommand(parsing: $0, capabilities) }
        #expect(old.user == "bob" && old.database == "db" && old.collation == nil)
        for part in prefixes(short).dropLast() {
            #expect(throws: MySQLWireError.self) {
                try part.withSpan { try ChangeUserCommand(parsing: $0, capabilities) }
            }
        }
    }

    @Test func smallCommands() throws {
        #expect(try hex("1c 01000000 02000000").withSpan { try SmallCommand.Fetch(parsing: $0) }.rows == 2)
        #expect(try hex("18 01000000 0300 ff").withSpan { try SmallCommand.LongData(parsing: $0) }.parameter == 3)
        #expect(try hex("1b 0100").withSpan { try SmallCommand.Option(parsing: $0) } == .multiStatementsOff)
        #expect(try hex("0c 07000000").withSpan { try SmallCommand.processKill($0) } == 7)
        #expect(try hex("02 6462 00").withSpan { try SmallCommand.initDatabase($0) } == 1..<3)
        #expect(try hex("02 6462").withSpan { try SmallCommand.initDatabase($0) } == 1..<3)
        let list = try hex("04 7400 25").withSpan { try SmallCommand.FieldList(parsing: $0) }
        #expect(list.table == 1..<2 && list.wildcard == 3..<4)
        let dump = try hex("12 04000000 0100 02000000 62696e").withSpan { try BinlogDumpCommand(parsing: $0) }
        #expect(dump.position == 4 && dump.doesNotBlock && dump.serverID == 2 && dump.file == 11..<14)
        let gtid = try hex("1e 0400 02000000 00000000 0400000000000000 02000000 abcd").withSpan {
            try BinlogDumpCommand(parsing: $0)
        }
        #expect(gtid.gtids == 23..<25)
        #expect(throws: MySQLWireError.truncated(.binlogDump)) {
            try hex("1e 0400 02000000 ffffffff").withSpan { try BinlogDumpCommand(parsing: $0) }
        }
        let replica = try hex("15 02000000 0161 0162 0163 ea0c 00000000 00000000").withSpan {
            try RegisterReplicaCommand(parsing: $0)
        }
        #expect(replica.serverID == 2 && replica.port == 3306)
    }

    @Test func rows() throws {
        var values: [Range<Int>?] = []
        try hex("0161 fb 00").withSpan { try MySQLRow.text($0, columns: 3) { values.append($1) } }
        #expect(values == [1..<2, nil, 4..<4])
        values = []
        // An integer, a NULL, a date, a string.
        try hex("00 08 01000000 04 e4070101 0161").withSpan {
            try MySQLRow.binary($0, types: [3, 253, 12, 253]) { values.append($1) }
        }
        #expect(values == [2..<6, nil, 6..<11, 11..<13])
        #expect(throws: MySQLWireError.truncated(.row)) {
            try hex("00 00 0d").withSpan { try MySQLRow.binary($0, types: [12]) { _, _ in } }
        }
    }

    /// A nonce of `client_ed25519` may end with a NUL that is part of it.
    @Test func requestsForAnotherPlugin() throws {
        for plugin in [AuthPluginName.native, AuthPluginName.ed25519] {
            let nonce = [UInt8](repeating: 7, count: 19) + (plugin == AuthPluginName.ed25519 ? [0] : [7])
            let request = AuthSwitchRequest(plugin: plugin, nonce: nonce)
            let bytes = payload { request.write(to: &$0) }
            #expect(try bytes.withSpan { try AuthSwitchRequest(parsing: $0) } == request)
            #expect(bytes.count == 2 + plugin.utf8.count + 20 + (plugin == AuthPluginName.ed25519 ? 0 : 1))
        }
        #expect(try hex("fe").withSpan { try AuthSwitchRequest(parsing: $0) }.plugin.isEmpty)
        #expect(throws: MySQLWireError.truncated(.authSwitch)) {
            try hex("fe6162").withSpan { try AuthSwitchRequest(parsing: $0) }
        }
    }

    @Test func charsets() {
        #expect(MySQLCharset(collation: 45) == .utf8mb4 && MySQLCharset(collation: 255) == .utf8mb4)
        #expect(MySQLCharset(collation: 28)?.hidesASCII == true && MySQLCharset(collation: 8)?.hidesASCII == false)
        #expect(MySQLCharset(collation: 1024 + 28) == .gbk && MySQLCharset(collation: 2304) == .utf8mb4)
        #expect(MySQLCharset(collation: 35)?.isForClients == false)
        for id in UInt16.min...UInt16.max { _ = MySQLCharset(collation: id) }
        #expect(MySQLCharset(collation: 0) == nil && MySQLCharset(collation: 1024) == nil)
    }

    @Test func progressReports() throws {
        let capabilities: MySQLCapabilities = [.protocol41, .mariadbProgress]
        let report = hex("ff ffff 01 01 02 a08601") + hex("06 436f70796e67")
        let read = try report.withSpan { try ProgressReport(parsing: $0) }
        #expect(read.stage == 1 && read.stages == 2 && read.progress == 100_000)
        var tracker = ReplyTracker(capabilities)
        tracker.begin(.query)
        #expect(report.withSpan { tracker.received($0, length: $0.byteCount) } == .progress)
        #expect(!tracker.isComplete)
        #expect(hex("00000000020000").withSpan { tracker.received($0, length: 7) } == .ok)
        #expect(tracker.isComplete)
        // To a client that did not ask for reports, it is an error.
        var plain = ReplyTracker([.protocol41])
        plain.begin(.query)
        #expect(report.withSpan { plain.received($0, length: $0.byteCount) } == .error)
    }

    /// A row may begin like the packet that ends rows, if its first value has 16 MiB or more.
    @Test func rowsThatLookLikeTheirEnd() {
        for capabilities: MySQLCapabilities in [[.protocol41], [.protocol41, .deprecateEOF]] {
            var tracker = ReplyTracker(capabilities)
            tracker.begin(.fetch)
            let row = hex("fe 0000000100000000 78")
            #expect(row.withSpan { tracker.received($0, length: MySQLPacket.longestBody) } == .row)
            #expect(!tracker.isComplete)
        }
    }

    /// Replies to what was not asked, and files nobody spoke of.
    @Test func whatDoesNotFit() {
        var tracker = ReplyTracker([.protocol41])
        #expect(hex("00000002000000").withSpan { tracker.received($0, length: 7) } == .violation)
        tracker.begin(.initDatabase)
        #expect(hex("fb2f6574632f706173737764").withSpan { tracker.received($0, length: 12) } == .violation)
        tracker.begin(.query)
        #expect(hex("fb2f6574632f706173737764").withSpan { tracker.received($0, length: 12) } == .localFile)
        #expect(tracker.wantsClientFile && !tracker.isComplete)
        tracker.clientSent(isEmpty: false)
        #expect(tracker.wantsClientFile)
        tracker.clientSent(isEmpty: true)
        #expect(hex("00000002000000").withSpan { tracker.received($0, length: 7) } == .ok && tracker.isComplete)
        tracker.begin(.closeStatement)
        #expect(tracker.isComplete)
    }
}
