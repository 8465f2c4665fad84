import ByteKit

@testable import MySQLWire

/// Bytes written as hex digits with blanks anywhere.
func hex(_ text: String) -> [UInt8] {
    Hex.decode(text.utf8.filter { $0 != 0x20 && $0 != 0x0A }) ?? []
}

/// Text as bytes.
func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The payload a writer makes.
func payload(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
    var out = ByteWriter()
    write(&out)
    return out.take()
}

/// One packet.
func packet(_ sequence: UInt8, _ body: [UInt8]) -> [UInt8] {
    payload { out in
        let mark = out.beginPacket(sequence)
        out.raw(body)
        out.endPacket(mark)
    }
}

extension RawSpan {
    func text(_ range: Range<Int>) -> String { String(decoding: extracting(range).toArray(), as: UTF8.self) }
}

/// Every shortened form of `bytes`, and the whole.
func prefixes(_ bytes: [UInt8]) -> [[UInt8]] { (0...bytes.count).map { Array(bytes[..<$0]) } }
