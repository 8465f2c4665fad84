import ByteKit

/// Reads the attributes of one SCRAM message (RFC 5802 section 7) in the order the grammar gives them.
///
/// Holds a copy: messages are short and come twice in a login.
struct ScramReader {
    /// More than PostgreSQL itself accepts (1024), less than a nuisance.
    static let messageLimit = 2048

    /// The message.
    let bytes: [UInt8]
    /// Where the next read starts.
    private(set) var offset = 0

    /// Refuses messages that are too long or hold a NUL.
    init(_ message: RawSpan) throws(ScramError) {
        guard message.byteCount <= Self.messageLimit else { throw .tooLong }
        guard message.firstIndex(of: 0, from: 0, to: message.byteCount) == nil else { throw .malformed }
        bytes = message.toArray()
    }

    var isAtEnd: Bool { offset >= bytes.count }

    /// The next byte, not consumed.
    var peek: UInt8? { isAtEnd ? nil : bytes[offset] }

    /// Consumes one byte.
    mutating func byte() throws(ScramError) -> UInt8 {
        guard let byte = peek else { throw .malformed }
        offset &+= 1
        return byte
    }

    /// Consumes exactly `expected`.
    mutating func expect(_ expected: UInt8) throws(ScramError) {
        guard try byte() == expected else { throw .malformed }
    }

    /// Consumes a comma.
    mutating func comma() throws(ScramError) { try expect(UInt8(ascii: ",")) }

    /// Consumes `name=value` and returns the value, which ends before a comma or at the end.
    mutating func attribute(_ name: UInt8) throws(ScramError) -> [UInt8] {
        try expect(name)
        try expect(UInt8(ascii: "="))
        return value()
    }

    /// Consumes an optional extension: any letter, `=` and a value that is not empty. A mandatory one is refused.
    mutating func skipExtension() throws(ScramError) {
        switch try byte() {
        case UInt8(ascii: "m"): throw .unsupportedExtension
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): break
        default: throw .malformed
        }
        try expect(UInt8(ascii: "="))
        guard !value().isEmpty else { throw .malformed }
    }

    /// Refuses the reserved attribute `m=` where the grammar has a place for it.
    func refuseMandatoryExtension() throws(ScramError) {
        if peek == UInt8(ascii: "m") { throw .unsupportedExtension }
    }

    /// Refuses anything behind what was read.
    func end() throws(ScramError) {
        guard isAtEnd else { throw .malformed }
    }

    /// Everything up to the next comma.
    mutating func value() -> [UInt8] {
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: ",") { offset &+= 1 }
        return [UInt8](bytes[start..<offset])
    }
}
