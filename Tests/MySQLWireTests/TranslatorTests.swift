import ByteKit
import Testing

@testable import MySQLWire

@Suite struct TranslatorTests {
    /// The payloads a client of `client` gets when a server of `server` sends these, and the command they answer.
    private func translated(
        _ command: MySQLCommand, _ payloads: [[UInt8]], server: MySQLCapabilities, client: MySQLCapabilities
    ) -> [[UInt8]] {
        var tracker = ReplyTracker(server)
        var translator = ReplyTranslator(server: server, client: client)
        tracker.begin(command)
        var out = ByteWriter()
        var sequence: UInt8 = 1
        for payload in payloads {
            payload.withSpan { span in
                let event = tracker.received(span, length: span.byteCount)
                #expect(event != .violation)
                let translation = translator.translate(event, span, tracker)
                out.write(translation, source: span, for: client, &sequence)
                if translation.passes {
                    let mark = out.beginPacket(sequence)
                    out.span(span)
                    sequence = out.endPacket(mark)
                }
                out.writeBehind(translation, &sequence)
            }
        }
        #expect(tracker.isComplete)
        return packets(out.take())
    }

    /// Cuts bytes into payloads, which must be numbered from 1.
    private func packets(_ bytes: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        bytes.withSpan { span in
            var position = 0
            while case .header(let sequence, let body, let end) = scanPacket(span, at: position) {
                #expect(sequence == UInt8(found.count + 1))
                found.append(Array(bytes[body..<end]))
                position = end
            }
        }
        return found
    }

    private let old: MySQLCapabilities = [.mysql, .protocol41]
    private let new: MySQLCapabilities = [.mysql, .protocol41, .deprecateEOF]
    private let tracking: MySQLCapabilities = [.mysql, .protocol41, .deprecateEOF, .sessionTrack]

    private let head: [UInt8] = [1]
    private let definition = payload { out in
        for text in ["def", "", "", "", "a", ""] { out.lengthEncoded(text) }
        out.raw(hex("0c3f0001000000 08 8100 00 0000"))
    }
    private let row = hex("0131")

    @Test func aResultSet() {
        let withEOF = [head, definition, hex("fe00000200"), row, row, hex("fe01002200")]
        let without = [head, definition, row, row, hex("fe000022000100")]
        #expect(translated(.query, withEOF, server: old, client: new) == without)
        let back = translated(.query, without, server: new, client: old)
        #expect(back == withEOF)
        #expect(translated(.query, withEOF, server: old, client: old) == withEOF)
    }

    @Test func withoutRows() {
        let withEOF = [head, definition, hex("fe00000200"), hex("fe00000200")]
        let without = [head, definition, hex("fe000002000000")]
        #expect(translated(.query, withEOF, server: old, client: new) == without)
        #expect(translated(.query, without, server: new, client: old) == withEOF)
    }

    @Test func anErrorAmongTheRows() {
        let error = hex("ff2804") + ascii("#HY000no")
        let withEOF = [head, definition, hex("fe00000200"), error]
        let without = [head, definition, error]
        #expect(translated(.query, withEOF, server: old, client: new) == without)
        #expect(translated(.query, without, server: new, client: old) == withEOF)
    }

    @Test func severalResults() {
        let withEOF = [
            head, definition, hex("fe00000200"), row, hex("fe00000a00"), hex("00000002000000"),
        ]
        let without = [head, definition, row, hex("fe00000a000000"), hex("00000002000000")]
        #expect(translated(.query, withEOF, server: old, client: new) == without)
        #expect(translated(.query, without, server: new, client: old) == withEOF)
    }

    /// MySQL's last EOF packet of OUT parameters does not say that an OK packet follows; an OK packet in its place does.
    @Test func outParameters() {
        let withEOF = [head, definition, hex("fe00000910"), hex("0005"), hex("fe00000100"), hex("00000001000000")]
        let without = [head, definition, hex("0005"), hex("fe000009100000"), hex("00000001000000")]
        #expect(translated(.execute, withEOF, server: old, client: new) == without)
    }

    /// With a cursor, one packet ends the definitions and the reply.
    @Test func cursors() {
        let withEOF = [head, definition, hex("fe00004200")]
        let without = [head, definition, hex("fe000042000000")]
        #expect(translated(.execute, withEOF, server: old, client: new) == without)
        #expect(translated(.execute, without, server: new, client: old) == withEOF)
        let rows = [hex("000001"), hex("fe000082000000")]
        #expect(translated(.fetch, rows, server: new, client: old) == [hex("000001"), hex("fe00008200")])
    }

    @Test(arguments: [(0, 0), (1, 0), (0, 2), (2, 1)])
    func prepare(_ parameters: Int, _ columns: Int) {
        let reply = payload {
            PrepareReply(statement: 1, columns: UInt16(columns), parameters: UInt16(parameters)).write(to: &$0, [])
        }
        let eof = hex("fe00000200")
        let first = Array(repeating: definition, count: parameters)
        let second = Array(repeating: definition, count: columns)
        let without = [reply] + first + second
        let withEOF = [reply] + first + (first.isEmpty ? [] : [eof]) + second + (second.isEmpty ? [] : [eof])
        #expect(translated(.prepare, withEOF, server: old, client: new) == without)
        #expect(translated(.prepare, without, server: new, client: old) == withEOF)
    }

    @Test func fieldListAndOptions() {
        let withEOF = [definition, hex("fe00000200")]
        let without = [definition, hex("fe000002000000")]
        #expect(translated(.fieldList, withEOF, server: old, client: new) == without)
        #expect(translated(.fieldList, without, server: new, client: old) == withEOF)
        #expect(translated(.setOption, [hex("fe00000200")], server: old, client: new) == [hex("fe000002000000")])
        #expect(translated(.setOption, [hex("fe000002000000")], server: new, client: old) == [hex("fe00000200")])
    }

    /// The session state goes with its flag; the text loses or gets its length.
    @Test func sessionState() {
        let tracked = hex("000100 0240 0000 02 6869 05 01 03 02 6462")
        #expect(translated(.query, [tracked], server: tracking, client: new) == [hex("000100 0200 0000 02 6869")])
        let plain = hex("000100 0200 0000 02 6869")
        #expect(translated(.query, [plain], server: new, client: tracking) == [hex("000100 0200 0000 02 6869")])
        let end = [head, definition, hex("fe0000 0240 0000 00 05 01 03 02 6462")]
        #expect(translated(.query, end, server: tracking, client: new) == [head, definition, hex("fe000002000000")])
        #expect(
            translated(.query, end, server: tracking, client: old)
                == [head, definition, hex("fe00000200"), hex("fe00000200")])
    }

    /// What a real server sends without EOF packets becomes, for an old client, what the same server sends to one: the
    /// same kinds of payloads in the same order.
    @Test func recordedReplies() {
        for family in [Recording.mariadb, Recording.mysql] {
            for (modern, older) in [(0, 1), (2, 3)] {
                check(family[modern], family[older])
                check(family[older], family[modern])
            }
        }
    }

    private func check(_ source: Recording, _ target: Recording) {
        let sources = replies(source)
        let targets = replies(target)
        #expect(sources.count == targets.count)
        for (from, to) in zip(sources, targets) where from.payloads.allSatisfy({ $0.first != 0xFB }) {
            // Without definitions: see `ReplyTranslator`.
            if from.command == .prepare, source.capabilities.contains(.optionalMetadata), from.payloads[0].last == 0 {
                continue
            }
            var client = source.capabilities.symmetricDifference(.deprecateEOF)
            if !target.capabilities.contains(.sessionTrack) { client.remove(.sessionTrack) }
            let got = translated(from.command, from.payloads, server: source.capabilities, client: client)
            #expect(shape(got) == shape(to.payloads), "\(source.name): \(from.command) \(from.text)")
        }
    }

    private func shape(_ payloads: [[UInt8]]) -> [[UInt8]] {
        payloads.map { $0.first == 0xFE ? Array($0.prefix(1)) + [UInt8($0.count == 5 ? 5 : 7)] : Array($0.prefix(1)) }
    }

    private func replies(_ recording: Recording) -> [(command: MySQLCommand, text: String, payloads: [[UInt8]])] {
        var found: [(MySQLCommand, String, [[UInt8]])] = []
        var inCommands = false
        for line in recording.lines {
            if !line.fromServer {
                inCommands = inCommands || line.sequence == 0
                guard line.sequence == 0, let byte = line.bytes.first else { continue }
                let command = MySQLCommand(rawValue: byte) ?? .sleep
                if command.hasReply { found.append((command, String(decoding: line.bytes, as: UTF8.self), [])) }
            } else if inCommands, !found.isEmpty {
                found[found.count - 1].2.append(line.bytes)
            }
        }
        return found
    }
}
