/// The character set a collation belongs to, which is what a connection speaks (`information_schema.COLLATIONS` of
/// MySQL 9.7 and MariaDB 10.11).
public enum MySQLCharset: String, Sendable, CaseIterable {
    case armscii8, ascii, big5, binary, cp1250, cp1251, cp1256, cp1257, cp850, cp852, cp866, cp932, dec8, eucjpms
    case euckr, gb18030, gb2312, gbk, geostd8, greek, hebrew, hp8, keybcs2, koi8r, koi8u, latin1, latin2, latin5
    case latin7, macce, macroman, sjis, swe7, tis620, ucs2, ujis, utf16, utf16le, utf32, utf8mb3, utf8mb4

    /// The character set of a collation's id; nil for one neither server knows.
    public init?(collation id: UInt16) {
        switch id {
        // MariaDB's NOPAD collations.
        case 1025...2047:
            guard let padded = MySQLCharset(collation: id &- 1024) else { return nil }
            self = padded
        case 32, 64: self = .armscii8
        case 11, 65: self = .ascii
        case 1, 84: self = .big5
        case 63: self = .binary
        case 26, 34, 44, 66, 99: self = .cp1250
        case 14, 23, 50...52: self = .cp1251
        case 57, 67: self = .cp1256
        case 29, 58...59: self = .cp1257
        case 4, 80: self = .cp850
        case 40, 81: self = .cp852
        case 36, 68: self = .cp866
        case 95...96: self = .cp932
        case 3, 69: self = .dec8
        case 97...98: self = .eucjpms
        case 19, 85: self = .euckr
        case 248...250: self = .gb18030
        case 24, 86: self = .gb2312
        case 28, 87: self = .gbk
        case 92...93: self = .geostd8
        case 25, 70: self = .greek
        case 16, 71: self = .hebrew
        case 6, 72: self = .hp8
        case 37, 73: self = .keybcs2
        case 7, 74: self = .koi8r
        case 22, 75: self = .koi8u
        case 5, 8, 15, 31, 47...49, 94: self = .latin1
        case 2, 9, 21, 27, 77: self = .latin2
        case 30, 78: self = .latin5
        case 20, 41...42, 79: self = .latin7
        case 38, 43: self = .macce
        case 39, 53: self = .macroman
        case 13, 88: self = .sjis
        case 10, 82: self = .swe7
        case 18, 89: self = .tis620
        case 35, 90, 128...159, 640...642, 2560...2815: self = .ucs2
        case 12, 91: self = .ujis
        case 54...55, 101...124, 672...674, 2816...3071: self = .utf16
        case 56, 62: self = .utf16le
        case 60...61, 160...183, 736...738, 3072...3327: self = .utf32
        case 33, 76, 83, 192...223, 576...578, 2048...2303: self = .utf8mb3
        case 45...46, 224...247, 255...323, 608...610, 2304...2559: self = .utf8mb4
        default: return nil
        }
    }

    /// Whether the second byte of a character may be a backslash or a quote, so that a text cannot be read byte by byte.
    public var hidesASCII: Bool {
        switch self {
        case .big5, .cp932, .gb18030, .gbk, .sjis: true
        case .armscii8, .ascii, .binary, .cp1250, .cp1251, .cp1256, .cp1257, .cp850, .cp852, .cp866, .dec8, .eucjpms,
            .euckr, .gb2312, .geostd8, .greek, .hebrew, .hp8, .keybcs2, .koi8r, .koi8u, .latin1, .latin2, .latin5,
            .latin7, .macce, .macroman, .swe7, .tis620, .ucs2, .ujis, .utf16, .utf16le, .utf32, .utf8mb3, .utf8mb4:
            false
        }
    }

    /// Whether a client may speak it: not those in which ASCII takes more than a byte.
    public var isForClients: Bool {
        switch self {
        case .ucs2, .utf16, .utf16le, .utf32: false
        case .armscii8, .ascii, .big5, .binary, .cp1250, .cp1251, .cp1256, .cp1257, .cp850, .cp852, .cp866, .cp932,
            .dec8, .eucjpms, .euckr, .gb18030, .gb2312, .gbk, .geostd8, .greek, .hebrew, .hp8, .keybcs2, .koi8r,
            .koi8u, .latin1, .latin2, .latin5, .latin7, .macce, .macroman, .sjis, .swe7, .tis620, .ujis, .utf8mb3,
            .utf8mb4:
            true
        }
    }
}
