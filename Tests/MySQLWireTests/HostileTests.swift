import ByteKit
import Testing

@testable import MySQLWire

/// Nothing that comes from the wire may stop the process.
@Suite struct HostileTests {
    private static let allCapabilities: [MySQLCapabilities] = [
        [], MySQLCapabilities(rawValue: .max), MySQLCapabilities(rawValue: .max).subtracting(.mysql),
        [.mysql, .protocol41, .deprecateEOF, .sessionTrack], [.protocol41, .mariadbCacheMetadata, .mariadbProgress],
    ]

    /// Every parser there is, on the same bytes.
    private func readEverything(_ bytes: [UInt8], _ capabilities: MySQLCapabilities) {
        bytes.withSpan { span in
            _ = try? MySQLHandshake(parsing: span)
            _ = try? HandshakeResponse(parsing: span)
            _ = HandshakeResponse.sslRequest(span)
            _ = try? ConnectionAttributes(parsing: span)
            _ = try? AuthSwitchRequest(parsing: span)
            _ = AuthReply(span)
            _ = try? ErrorPacket(parsing: span)
            _ = try? ProgressReport(parsing: span)
            _ = try? EOFPacket(parsing: span)
            if let ok = try? OKPacket(parsing: span, capabilities) {
                var out = ByteWriter()
                ok.write(to: &out, capabilities, source: span)
            }
            var changes = SessionChanges()
            while let change = try? changes.next(in: span) { _ = change }
            _ = try? QueryCommand(parsing: span, capabilities)
            for count in [0, 1, 9, 65_535] {
                if let found = try? ExecuteCommand(parsing: span, parameters: count, capabilities) {
                    _ = try? found.parameters?.endOfValues(in: span, packet: .execute) { _ in false }
                }
                _ = try? BulkExecuteCommand(parsing: span, parameters: count)
            }
            _ = try? ChangeUserCommand(parsing: span, capabilities)
            _ = try? SmallCommand.Fetch(parsing: span)
            _ = try? SmallCommand.LongData(parsing: span)
            _ = try? SmallCommand.Option(parsing: span)
            _ = try? SmallCommand.FieldList(parsing: span)
            _ = try? SmallCommand.processKill(span)
            _ = try? SmallCommand.initDatabase(span)
            _ = try? BinlogDumpCommand(parsing: span)
            _ = try? RegisterReplicaCommand(parsing: span)
            _ = try? PrepareReply(parsing: span, capabilities)
            _ = try? ResultHead(parsing: span, capabilities)
            if let column = try? ColumnDefinition(parsing: span, capabilities) {
                try? column.forEachExtension(in: span) { _, _ in }
            }
            try? MySQLRow.text(span, columns: 3) { _, _ in }
            try? MySQLRow.binary(span, types: [1, 12, 253, 6, 8]) { _, _ in }
            var stream = PacketStream()
            var position = 0
            while case .head(let piece) = stream.next(in: span, at: position, head: 8) { position = piece.end }
        }
    }

    @Test func brokenBytes() {
        var random = SystemRandomNumberGenerator()
        let seeds = Recording.all.flatMap { $0.lines.map(\.bytes) }.filter { !$0.isEmpty && $0.count < 200 }
        for round in 0..<4000 {
            var bytes = seeds[Int(random.next(upperBound: UInt64(seeds.count)))]
            for _ in 0..<(1 + round % 4) {
                let at = Int(random.next(upperBound: UInt64(bytes.count)))
                bytes[at] = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x7F, UInt8.random(in: 0...255)][round % 8]
            }
            if round % 3 == 0 { bytes.removeLast(Int(random.next(upperBound: UInt64(bytes.count)))) }
            readEverything(bytes, Self.allCapabilities[round % Self.allCapabilities.count])
        }
        readEverything([], [])
    }

    /// A server that sends anything, in any state.
    @Test func brokenReplies() {
        var random = SystemRandomNumberGenerator()
        let seeds = Recording.all.flatMap { $0.lines.filter(\.fromServer).map(\.bytes) }.filter { !$0.isEmpty }
        for round in 0..<3000 {
            let server = Self.allCapabilities[round % Self.allCapabilities.count]
            var tracker = ReplyTracker(server)
            var translator = ReplyTranslator(server: server, client: server.symmetricDifference([.deprecateEOF]))
            let command = MySQLCommand.allCases[round % MySQLCommand.allCases.count]
            tracker.begin(command)
            for _ in 0..<20 {
                let bytes = seeds[Int(random.next(upperBound: UInt64(seeds.count)))]
                let event = bytes.withSpan { tracker.received($0, length: $0.byteCount) }
                _ = bytes.withSpan { translator.translate(event, $0, tracker) }
                if event == .violation {
                    #expect(!tracker.isComplete)
                    #expect(bytes.withSpan { tracker.received($0, length: $0.byteCount) } == .violation)
                }
            }
        }
    }

    @Test func oldClientsAreRefused() {
        // Protocol 3.20: two bytes of capabilities, three of packet length, the user.
        let old = hex("0500 ffffff 726f6f7400 00")
        #expect(throws: MySQLWireError.unsupported(.handshakeResponse)) {
            try old.withSpan { try HandshakeResponse(parsing: $0) }
        }
        #expect(throws: MySQLWireError.unsupported(.handshake)) {
            try hex("09 352e30 00").withSpan { try MySQLHandshake(parsing: $0) }
        }
    }

    @Test func attributesAreBounded() {
        let many = payload { out in
            for _ in 0..<600 {
                out.lengthEncoded("a")
                out.lengthEncoded("b")
            }
        }
        #expect(throws: MySQLWireError.excessive(.connectionAttributes)) {
            try many.withSpan { try ConnectionAttributes(parsing: $0) }
        }
        let long = [UInt8](repeating: 0, count: ConnectionAttributes.longest + 1)
        #expect(throws: MySQLWireError.excessive(.connectionAttributes)) {
            try long.withSpan { try ConnectionAttributes(parsing: $0) }
        }
    }
}
