import CLinux

/// The file records are appended to.
///
/// `size` is up to where the file is good: a write or sync that fails leaves the file to be shortened to it.
struct Segment {
    let path: String
    let fd: Int32
    /// Its first sequence number, which names it.
    let first: UInt64
    /// Monotonic nanoseconds.
    let openedAt: UInt64
    /// The emergency file, under its own name now.
    var isEmergency = false
    /// Bytes written, and of them on disk.
    var size: Int64 = 0
    var synced: Int64 = 0
}
