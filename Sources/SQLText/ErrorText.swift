internal import ByteKit

/// Makes a server's error message fit to be seen: what it quotes may be a value of the client's.
///
/// Of errors that quote names only, such as one about a table that does not exist, the quotations stay.
public enum ErrorText {
    /// The message of an error with this SQLSTATE (as text) and, from MySQL, this number.
    public static func redact(_ message: RawSQL, sqlstate: String, code: UInt16) -> [UInt8] {
        message.withBytes { text in
            let quotesNames = code == 0 ? names.contains(sqlstate) : namesOfMySQL.contains(code)
            return quotesNames ? text.toArray() : withoutQuotations(text)
        }
    }

    private static let names: Set<String> = [
        "42P01", "42703", "42883", "42704", "42P07", "42710", "42701", "42723", "42501", "3F000", "3D000", "26000",
        "34000", "25P02", "25006", "40001", "40P01", "57014", "57P01", "53300", "55P03", "42P05", "0A000",
    ]
    private static let namesOfMySQL: Set<UInt16> = [
        1044, 1049, 1050, 1051, 1054, 1060, 1091, 1109, 1142, 1143, 1146, 1205, 1213, 1305, 1317, 1356, 1370, 3024,
        1969,
    ]

    /// Between two quotation marks of one kind there may be anything; without the second one, to the end.
    private static func withoutQuotations(_ text: RawSpan) -> [UInt8] {
        var out: [UInt8] = []
        var at = 0
        while at < text.byteCount {
            let byte = text.u8(at: at)
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`") else {
                out.append(byte)
                at &+= 1
                continue
            }
            // An apostrophe in a word is none.
            if byte == UInt8(ascii: "'"), at > 0, CharacterClass.of(text.u8(at: at &- 1)) == CharacterClass.letter {
                out.append(byte)
                at &+= 1
                continue
            }
            out.append(byte)
            out.append(UInt8(ascii: "?"))
            out.append(byte)
            // The last one of its kind: the value may have some itself.
            var last = text.byteCount &- 1
            while last > at, text.u8(at: last) != byte { last &-= 1 }
            guard last > at else { return out }
            at = last &+ 1
        }
        return out
    }
}
