extension RawSpan {
    /// Whether the bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
    public var isUTF8: Bool {
        let count = byteCount
        var index = 0
        func follows(_ at: Int, _ least: UInt8 = 0x80, _ most: UInt8 = 0xBF) -> Bool {
            at < count && u8(at: at) >= least && u8(at: at) <= most
        }
        while index < count {
            if count &- index >= 8, native64(at: index) & 0x8080_8080_8080_8080 == 0 {
                index &+= 8
                continue
            }
            let first = u8(at: index)
            switch first {
            case 0..<0x80: index &+= 1
            case 0xC2...0xDF:
                guard follows(index &+ 1) else { return false }
                index &+= 2
            case 0xE0...0xEF:
                let least: UInt8 = first == 0xE0 ? 0xA0 : 0x80
                let most: UInt8 = first == 0xED ? 0x9F : 0xBF
                guard follows(index &+ 1, least, most), follows(index &+ 2) else { return false }
                index &+= 3
            case 0xF0...0xF4:
                let least: UInt8 = first == 0xF0 ? 0x90 : 0x80
                let most: UInt8 = first == 0xF4 ? 0x8F : 0xBF
                guard follows(index &+ 1, least, most), follows(index &+ 2), follows(index &+ 3) else { return false }
                index &+= 4
            default: return false
            }
        }
        return true
    }
}
