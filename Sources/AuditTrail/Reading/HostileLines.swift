import ByteKit

/// For fuzzing: everything that reads the files, over bytes nobody vouches for.
package enum HostileLines {
    /// nil if everything held, else what did not.
    package static func read(_ input: [UInt8]) -> String? {
        var verifier = ChainVerifier(trusted: AuditKeys.trusted(input))
        verifier.begin(SegmentName.name(1))
        var filter = AuditFilter()
        filter.table = "t"
        for line in input.split(separator: 0x0A) {
            let line = Array(line)
            verifier.next(line)
            if let value = line.withSpan({ JSONValue($0) }) { _ = filter.fits(value) }
        }
        verifier.tail(1, isLast: true, isLive: false)
        verifier.finish()
        if verifier.report.isGood { return "a file that ends within a record is good" }
        if !input.contains(0x0A), !input.isEmpty, verifier.report.records > 1 { return "more records than lines" }
        var out = LineBuffer()
        _ = SyslogMessage(host: "h", process: 1, longest: 480, isFramed: true).render(input, into: &out)
        // What we write ourselves can be read, whatever came in.
        var line = LineBuffer()
        line.value(.object([AuditField("a.b", .bytes(input)), AuditField("c", .list([.bytes(input)]))]))
        let isRead = line.withSpan { JSONValue($0) } != nil
        return isRead ? nil : "our own JSON cannot be read"
    }
}
