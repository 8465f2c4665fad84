import ByteKit
import MySQLWire

/// What fuzzing MySQL's side starts from: how the dice fall, then bytes.
enum MySQLSeeds {
    private static let all32: [UInt8] = [0xFE, 0xFF, 0xFF, 0xFF, 0x1D]
    private static let capabilities = MySQLCapabilities(base: 0xFFFF_FFFE, extended: 0x1D)

    private static func payload(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var out = ByteWriter()
        write(&out)
        return out.take()
    }

    private static func packet(_ sequence: UInt8, _ body: [UInt8]) -> [UInt8] {
        payload { out in
            let mark = out.beginPacket(sequence)
            out.raw(body)
            out.endPacket(mark)
        }
    }

    private static let handshake = payload { out in
        MySQLHandshake(
            serverVersion: "8.0.40", connectionID: 7, nonce: [UInt8](repeating: 0x41, count: 20),
            capabilities: capabilities, authPlugin: AuthPluginName.native
        ).write(to: &out)
    }

    private static let response = payload { out in
        HandshakeResponse(
            capabilities: capabilities.subtracting(.tls), user: "u", authResponse: [UInt8](repeating: 7, count: 32),
            database: "d", authPlugin: AuthPluginName.cachingSHA2,
            attributes: ConnectionAttributes([.init("program_name", "fuzz")])
        ).write(to: &out)
    }

    private static let change = payload { out in
        ChangeUserCommand(user: "u", authResponse: [1, 2], authPlugin: AuthPluginName.native).write(
            to: &out, capabilities)
    }

    private static let ok: [UInt8] = [0, 1, 5, 2, 0x40, 0, 0, 2, 0x68, 0x69, 5, 1, 3, 2, 0x64, 0x62]
    private static let execute: [UInt8] = [
        0x17, 5, 0, 0, 0, 8, 1, 0, 0, 0, 2, 0, 1, 3, 0, 0, 0xFD, 0, 1, 0x61, 1, 0, 0, 0, 1, 0x62,
    ]
    private static let query: [UInt8] = [3, 1, 1, 0, 1, 0xFD, 0, 1, 0x61, 1, 0x62, 0x44, 0x4F, 0x20, 0x31]
    private static let definition = payload { out in
        for text in ["def", "", "", "", "a", "", ""] { out.lengthEncoded(text) }
        out.raw([12, 0x3F, 0, 1, 0, 0, 0, 8, 0x81, 0, 0, 0, 0])
    }

    /// A reply: each payload with its length in front, and no continuation behind it.
    private static func reply(_ command: UInt8, _ payloads: [[UInt8]]) -> [UInt8] {
        [1] + all32 + [0, 0, 0, 0, 0] + [command]
            + payloads.flatMap { [UInt8(truncatingIfNeeded: $0.count)] + $0 + [1] }
    }

    /// Bytes of a login as they arrive, in pieces of the largest size there is.
    private static func talk(_ dice: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        dice
            + stride(from: 0, to: bytes.count, by: 128).flatMap { start in
                [127] + bytes[start..<min(start + 128, bytes.count)]
            }
    }

    static let all: [[UInt8]] =
        [handshake, response, change, ok, execute, query, definition].map { [0] + all32 + [2] + $0 } + [
            reply(3, [[1, 1], definition, [0, 0x31], [0xFE, 0, 0, 2, 0, 0, 0]]),
            reply(0x16, [[0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1], definition, definition]),
            reply(3, [[0xFB, 0x78], [0, 0, 0, 2, 0, 0, 0]]),
            talk([2] + all32 + [1, 1, 0, 1], packet(1, response) + packet(3, [UInt8](repeating: 1, count: 20))),
            talk([2] + all32 + [1, 0, 3, 0], packet(1, response) + packet(3, [2])),
            talk([3, 1, 0], packet(0, handshake) + packet(2, [0, 0, 0, 2, 0, 0, 0])),
            talk(
                [3, 1, 3],
                packet(0, handshake) + packet(2, [0xFE] + Array("caching_sha2_password\u{0}".utf8) + [1, 2, 3])
                    + packet(4, [1, 4])),
        ]

    static let texts = [
        "KILL HARD QUERY ID 5; KILL 'bob'@'%'", "SELECT LAST_INSERT_ID() + 1, ROW_COUNT() AS a FROM DUAL LIMIT 1",
        "SELECT /*+ SET_VAR(a = 'b') NO_INDEX_MERGE(`T`@q x) */ DISTINCT 1 BETWEEN -1 AND - 2 FROM t",
        "SELECT (SELECT @@identity), `connection_id`() b, IFNULL(FOUND_ROWS(), 'x')",
        "SET NAMES 'utf8' COLLATE utf8_bin, @@session.sql_mode = \"a\\\\b\", @`c``d` := _latin1'e' , @e = -1.5 * 2",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", "SET ROLE 'a'@\"b\", c", "USE `d`",
        "SET @a = X'41', b = DEFAULT, GLOBAL c = 1, d = 'x' 'y', optimizer_switch = 'default'",
        "SELECT a INTO @b, @c; XA START 'a','b'; HANDLER t OPEN h; DO GET_LOCK('a', 1); DROP TEMPORARY TABLE a, b.c",
        "/*!40101 SET @OLD=@@x, UNIQUE_CHECKS=0 */; SET CHARACTER SET latin1; FLUSH TABLES WITH READ LOCK",
    ]

    /// The dice, then frames of each kind.
    static let frames: [[UInt8]] = [PacketCompression.zlib, .zstd(level: 3)].enumerated().flatMap { number, kind in
        let plain = (0..<300).map { UInt8(truncatingIfNeeded: $0 >> 4) }
        let contexts = CompressionContexts()
        var writer = CompressedPacketWriter(kind)
        let bytes = payload { out in
            plain.withSpan { writer.write($0, to: &out, contexts) }
            [1, 2, 3].withSpan { writer.write($0, to: &out, contexts) }
            out.raw([0, 0, 0, 9, 0, 0, 0])
        }
        let dice: [UInt8] = number == 0 ? [0] : [1, 2]
        let pieces = stride(from: 0, to: bytes.count, by: 100).flatMap { start in
            [1, 199, 99] + bytes[start..<min(start + 100, bytes.count)]
        }
        return [dice + [0, 16] + pieces, dice + [1, 20, 20] + [7, 7, 119] + bytes]
    }
}
