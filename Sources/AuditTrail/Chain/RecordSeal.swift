import ByteKit
import Credentials

/// What a line says of its own place in the chain. Reads any bytes.
struct RecordSeal: Equatable {
    var sequence: UInt64
    var previous: ChainHash
    var hash: ChainHash
    /// How many bytes of the line are hashed.
    var hashedLength: Int

    /// nil for a line that does not end as records do (without its newline).
    init?(_ line: RawSpan) {
        // `,"hash":"sha256:` and 64 digits and `"}}`
        let tailLength = Chain.tailLength - 1
        let count = line.byteCount
        guard count > tailLength else { return nil }
        hashedLength = count &- tailLength
        guard line.extracting(hashedLength..<hashedLength &+ 16).equals(Chain.tail),
            line.extracting((count &- 3)..<count).equals("\"}}"),
            let hash = Self.hash(line, at: hashedLength &+ 16)
        else { return nil }
        self.hash = hash
        guard let sequence = Self.sequence(line, before: hashedLength) else { return nil }
        self.sequence = sequence
        guard let mark = Self.lastIndex(of: Self.chainMark, in: line, before: hashedLength),
            let previous = Self.hash(line, at: mark &+ Self.chainMark.utf8CodeUnitCount)
        else { return nil }
        self.previous = previous
    }

    private static let chainMark: StaticString = #""chain":{"prev":"sha256:"#

    /// Whether the hash is that of the line behind `previous`.
    func isHash(of line: RawSpan, behind previous: ChainHash) -> Bool {
        unsafe line.extracting(0..<hashedLength).withUnsafeBytes {
            unsafe ChainHash(chaining: previous, label: Chain.label, $0)
        } == hash
    }

    private static func hash(_ line: RawSpan, at offset: Int) -> ChainHash? {
        guard offset >= 0, offset &+ 64 <= line.byteCount,
            let bytes = Hex.decode(line.extracting(offset..<offset &+ 64))
        else { return nil }
        return bytes.withSpan { ChainHash($0) }
    }

    /// The number that ends at `end`, behind `"sequence":`.
    private static func sequence(_ line: RawSpan, before end: Int) -> UInt64? {
        let mark: StaticString = #""sequence":"#
        var start = end
        while start > 0, end &- start < 20, (0x30...0x39).contains(line.u8(at: start &- 1)) { start &-= 1 }
        guard start < end, start >= mark.utf8CodeUnitCount,
            line.extracting((start &- mark.utf8CodeUnitCount)..<start).equals(mark)
        else { return nil }
        var value: UInt64 = 0
        for index in start..<end {
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = shifted.addingReportingOverflow(UInt64(line.u8(at: index) &- 0x30))
            if overflow || more { return nil }
            value = sum
        }
        return value
    }

    private static func lastIndex(of mark: StaticString, in line: RawSpan, before end: Int) -> Int? {
        let length = mark.utf8CodeUnitCount
        var index = end &- length
        while index >= 0 {
            if line.u8(at: index) == 0x22, line.extracting(index..<index &+ length).equals(mark) { return index }
            index &-= 1
        }
        return nil
    }
}

/// What a checkpoint signs: a note in the manner of C2SP tlog-checkpoint, with the hash of the last record as the root.
///
///     <stream>
///     <sequence of the last record>
///     <base64 of its hash>
///     time <milliseconds since 1970>
///     key <id>
enum CheckpointNote {
    static func text(stream: String, size: UInt64, root: ChainHash, milliseconds: UInt64, keyID: String) -> [UInt8] {
        let root = String(decoding: Base64.encode(root.bytes), as: UTF8.self)
        return Array("\(stream)\n\(size)\n\(root)\ntime \(milliseconds)\nkey \(keyID)\n".utf8)
    }

    /// What the key before signs to hand over to the next.
    static func handOver(stream: String, size: UInt64, to key: VerifyingKey) -> [UInt8] {
        let raw = String(decoding: Base64.encode(key.raw), as: UTF8.self)
        return Array("headgate.audit.key\n\(stream)\n\(size)\n\(raw)\n".utf8)
    }
}
