import AuditTrail
import ByteKit

/// Files of the audit trail, as somebody may have left them.
enum AuditFuzz {
    static func run(_ input: [UInt8]) -> String? { HostileLines.read(input) }

    static let seeds: [[UInt8]] = [
        #"{"@timestamp":"2026-01-01T00:00:00.000000000Z","headgate":{"stream":{"id":"a/b"},"chain":{"prev":"sha256:\#(zeros)"}},"event":{"action":"audit.checkpoint","sequence":1,"hash":"sha256:\#(zeros)"}}"#,
        #"{"a":["\u00e9\ud83d\ude00",1.5e3,true,null,{"b":{}}],"event":{"action":"audit.segment.start"}}"#,
        "# key 0123456789abcdef from sequence 7\n-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
    ].map { Array($0.utf8) }

    private static let zeros = String(repeating: "0", count: 64)
}
