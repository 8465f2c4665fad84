/// How packets are compressed (protocol documentation, "Compression"): what lies inside of a frame, which is
///
///     | length (3, little-endian) | sequence (1) | length when uncompressed (3), or 0 | bytes ... |
///
/// Frames and packets know nothing of one another: a frame may hold several packets and a packet may take several frames.
/// It begins with the first packet behind the OK packet that ends the login.
public enum PacketCompression: Equatable, Sendable {
    case zlib
    /// `level` is what the client asked for in its login, 1 to 22.
    case zstd(level: Int)

    /// What holds on a connection; nil for none. A client that could do both gets zlib, as of MySQL's server.
    public init?(_ agreed: MySQLCapabilities, zstdLevel: UInt8) {
        if agreed.contains(.compress) {
            self = .zlib
        } else if agreed.contains(.zstd) {
            self = .zstd(level: min(max(Int(zstdLevel), 1), 22))
        } else {
            return nil
        }
    }

    /// The length of a frame's header.
    public static let headerLength = 7
    /// The most bytes a frame can have, compressed or not.
    public static let longestFrame = 0xFF_FFFF
    /// What is shorter is sent as it is.
    public static let threshold = 50
}
