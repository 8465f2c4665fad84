import ByteKit
import Testing

@testable import MySQLWire

/// What MariaDB 10.11 and MySQL 9.7 really sent, read by our parsers and compared with what a second implementation saw.
@Suite struct RecordedTests {
    @Test func thereAreRecordingsOfBothFamilies() {
        #expect(Recording.mariadb.count > 10 && Recording.mysql.count > 10)
    }

    @Test func handshakesAreReadAndWritten() throws {
        for recording in Recording.all {
            let greeting = recording.lines[0].bytes
            let handshake = try greeting.withSpan { span throws(MySQLWireError) in try MySQLHandshake(parsing: span) }
            #expect(handshake.isMariaDB == recording.name.hasPrefix("mariadb"))
            #expect(handshake.capabilities == recording.offered)
            #expect(handshake.nonce.count == 20 && handshake.status.contains(.autocommit))
            #expect(handshake.authPlugin == (handshake.isMariaDB ? AuthPluginName.native : AuthPluginName.cachingSHA2))
            #expect(payload { handshake.write(to: &$0) } == greeting)
            for part in prefixes(greeting).dropLast(30) {
                #expect(throws: MySQLWireError.self) { try part.withSpan { try MySQLHandshake(parsing: $0) } }
            }
        }
    }

    @Test func responsesAreReadAndWritten() throws {
        for recording in Recording.all {
            let bytes = recording.lines[1].bytes
            let response = try bytes.withSpan { try HandshakeResponse(parsing: $0) }
            #expect(response.user == recording.user && response.database == "app")
            #expect(response.attributes["program_name"] == "headgate tests")
            #expect(recording.offered.agreed(with: response.capabilities) == response.capabilities)
            #expect(
                response.capabilities.subtracting(.connectWithDatabase)
                    == recording.capabilities.subtracting(.connectWithDatabase))
            #expect(payload { response.write(to: &$0) } == bytes)
            for part in prefixes(bytes).dropLast() {
                _ = try? part.withSpan { try HandshakeResponse(parsing: $0) }
            }
        }
    }

    /// Every payload of every reply is told for what it is, and every reply ends where the other implementation saw its
    /// end, with the same numbers.
    @Test func repliesAreFollowed() throws {
        var replies = 0
        for recording in Recording.all {
            var tracker = ReplyTracker(recording.capabilities)
            var inCommands = false
            for (number, line) in recording.lines.enumerated() {
                let place: Comment = "\(recording.name), line \(number)"
                if !line.fromServer, line.sequence == 0 {
                    #expect(tracker.isComplete, place)
                    inCommands = true
                    if let command = MySQLCommand(rawValue: line.bytes.first ?? 0xFF) {
                        tracker.begin(command)
                    } else {
                        tracker.beginUnknown()
                    }
                } else if !line.fromServer, inCommands {
                    #expect(tracker.wantsClientFile, place)
                    tracker.clientSent(isEmpty: line.length == 0)
                } else if inCommands {
                    let event = line.bytes.withSpan { tracker.received($0, length: line.firstPacket) }
                    #expect(event != .violation, place)
                }
                guard inCommands, let said = line.said else { continue }
                #expect(tracker.isComplete, place)
                replies += 1
                compare(tracker.summary, said, place)
            }
        }
        #expect(replies > 450)
    }

    private func compare(_ summary: ReplySummary, _ said: [String: String], _ place: Comment) {
        if let error = said["error"] {
            #expect(error == "\(summary.errorCode)", place)
        } else {
            #expect(summary.errorCode == 0)
        }
        if let rows = said["rows"] { #expect(rows == "\(summary.rows)", place) }
        if let status = said["status"] { #expect(status == "\(summary.status?.rawValue ?? 0)", place) }
        if let warnings = said["warnings"] { #expect(warnings == "\(summary.warnings)", place) }
        if let affected = said["affected"] { #expect(affected == "\(summary.affectedRows)", place) }
        if let id = said["id"] { #expect(id == "\(summary.lastInsertID)", place) }
        if let prepared = said["prepared"], let reply = summary.prepared {
            #expect(prepared == "\(reply.statement),\(reply.columns),\(reply.parameters)", place)
        }
    }

    /// OK packets whole, with what they tell of the session.
    @Test func sessionChangesAreRead() throws {
        var seen: Set<String> = []
        for recording in Recording.all {
            var tracker = ReplyTracker(recording.capabilities)
            for line in recording.lines {
                if !line.fromServer, line.sequence == 0, let command = MySQLCommand(rawValue: line.bytes.first ?? 0xFF)
                {
                    tracker.begin(command)
                }
                guard line.fromServer, line.length == line.bytes.count else { continue }
                try line.bytes.withSpan { span in
                    guard tracker.received(span, length: line.length) == .ok else { return }
                    let ok = try OKPacket(parsing: span, recording.capabilities)
                    #expect(payload { ok.write(to: &$0, recording.capabilities, source: span) } == line.bytes)
                    var changes = SessionChanges()
                    let state = span.extracting(ok.sessionState)
                    while let change = try changes.next(in: state) {
                        switch change {
                        case .variable(let name, let value): seen.insert(state.text(name) + "=" + state.text(value))
                        case .schema(let name): seen.insert("schema " + state.text(name))
                        case .stateChanged(let yes): seen.insert("state \(yes)")
                        case .gtids(let set): seen.insert(state.text(set).isEmpty ? "" : "gtids")
                        case .transactionCharacteristics(let text): seen.insert("characteristics " + state.text(text))
                        case .transactionState(let text): seen.insert("transaction " + state.text(text))
                        case .other: seen.insert("other")
                        }
                    }
                }
            }
        }
        for expected in [
            "schema other", "schema app", "gtids", "autocommit=OFF", "time_zone=+01:00", "state true",
            "transaction T_______",
            "characteristics START TRANSACTION READ ONLY;",
        ] { #expect(seen.contains(expected), "\(expected) in \(seen.sorted())") }
        #expect(!seen.contains("other"))
    }

    @Test func definitionsAreRead() throws {
        var names: Set<String> = []
        for recording in Recording.all {
            var tracker = ReplyTracker(recording.capabilities)
            for line in recording.lines {
                if !line.fromServer, line.sequence == 0, let command = MySQLCommand(rawValue: line.bytes.first ?? 0xFF)
                {
                    tracker.begin(command)
                }
                guard line.fromServer, line.length == line.bytes.count else { continue }
                try line.bytes.withSpan { span in
                    guard tracker.received(span, length: line.length) == .definition else { return }
                    let column = try ColumnDefinition(parsing: span, recording.capabilities)
                    names.insert(span.text(column.name))
                    // In the reply to COM_FIELD_LIST the default may be missing.
                    for part in prefixes(line.bytes).dropLast() where tracker.command != .fieldList {
                        #expect(throws: MySQLWireError.self) {
                            try part.withSpan { try ColumnDefinition(parsing: $0, recording.capabilities) }
                        }
                    }
                }
            }
        }
        #expect(names.isSuperset(of: ["id", "name", "data", "x", "1", "?"]))
    }
}
