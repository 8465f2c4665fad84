public import ByteKit

extension RawSpan {
    /// The length-encoded integer at `offset` and where it ends; nil when it is cut off or none (0xFB, 0xFF). For hot
    /// functions, where a cursor is too much.
    @_noLocks
    @inlinable @inline(__always)
    package func lengthEncoded(at offset: Int) -> (value: UInt64, end: Int)? {
        guard offset >= 0, offset < byteCount else { return nil }
        let left = byteCount &- offset
        let first = u8(at: offset)
        switch first {
        case 0xFC: return left >= 3 ? (UInt64(le16(at: offset &+ 1)), offset &+ 3) : nil
        case 0xFD: return left >= 4 ? (UInt64(le24(at: offset &+ 1)), offset &+ 4) : nil
        case 0xFE: return left >= 9 ? (le64(at: offset &+ 1), offset &+ 9) : nil
        case 0xFB, 0xFF: return nil
        default: return (UInt64(first), offset &+ 1)
        }
    }
}
