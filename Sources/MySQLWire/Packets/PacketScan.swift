public import ByteKit

/// Where a packet lies in a span (protocol documentation, "MySQL Packets"):
///
///     | length (3, little-endian) | sequence (1) | body ... |
///     ^ start                                    ^ body     ^ end
public enum PacketScan: Equatable, Sendable {
    /// The header is there; `end` may lie beyond the bytes received so far.
    case header(sequence: UInt8, body: Int, end: Int)
    /// Fewer than four bytes are there.
    case needHeader
}

/// How packets are cut.
public enum MySQLPacket {
    /// The length of a packet's header.
    @inlinable @inline(__always) public static var headerLength: Int { 4 }
    /// The longest body of one packet, 16 MiB - 1. A body of just that length means that the payload goes on in the next
    /// packet, which is empty when nothing is left.
    @inlinable @inline(__always) public static var longestBody: Int { 0xFF_FFFF }
}

/// Reads the header of the packet at `position`. Pure; about 2 ns. Every length is a legal one.
@_noLocks
@inlinable @inline(__always)
public func scanPacket(_ bytes: RawSpan, at position: Int) -> PacketScan {
    guard position >= 0, bytes.byteCount &- position >= 4 else { return .needHeader }
    let length = Int(truncatingIfNeeded: bytes.le24(at: position))
    return .header(
        sequence: bytes.u8(at: position &+ 3), body: position &+ 4, end: position &+ 4 &+ length)
}
