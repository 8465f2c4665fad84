public import ByteKit

/// Where a message lies in a span, or why it cannot be told yet.
///
///     | tag (1) | length (4, counts itself) | body ... |
///     ^ start                               ^ body      ^ end
public enum FrameScan: Equatable, Sendable {
    /// Header is there; `end` may lie beyond the bytes received so far (then the body is still arriving).
    case header(tag: UInt8, body: Int, end: Int)
    /// Fewer than five bytes are there.
    case needHeader
    /// The length field is below 4 or above the protocol's limit.
    case bad(length: UInt32)
}

/// The largest length field PostgreSQL accepts for any message (`MaxAllocSize`, 1 GiB - 1, plus the length itself).
public let maximumMessageLength: UInt32 = 0x3FFF_FFFF

/// Reads the header of the message at `position`. Pure; about 2 ns.
@_noLocks
@inlinable @inline(__always)
public func scanFrame(_ bytes: RawSpan, at position: Int) -> FrameScan {
    guard bytes.byteCount &- position >= 5 else { return .needHeader }
    let tag = bytes.u8(at: position)
    let length = bytes.u32(at: position &+ 1)
    guard length >= 4, length <= 0x4000_0003 else { return .bad(length: length) }
    return .header(tag: tag, body: position &+ 5, end: position &+ 1 &+ Int(length))
}
