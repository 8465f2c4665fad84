import ByteKit
import COpenSSL

/// A SHA-256 value of something that is no secret: of records, keys, files.
public struct SHA256Value: Sendable, Hashable {
    /// The bytes in order, eight at a time, each as it lies in memory.
    public private(set) var a: UInt64 = 0, b: UInt64 = 0, c: UInt64 = 0, d: UInt64 = 0

    /// All zeros.
    public init() {}

    /// The value of these 32 bytes; nil for another number of them.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount == 32 else { return nil }
        unsafe bytes.withUnsafeBytes { source in
            unsafe a = source.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
            unsafe b = source.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            unsafe c = source.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            unsafe d = source.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        }
    }

    /// The hash of `bytes`.
    public init(of bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe Self(chaining: nil, label: "", $0) }
    }

    /// The hash of a label, the hash before (if any) and bytes, in this order. 0.75 ns a byte with SHA extensions.
    @unsafe
    public init(chaining previous: SHA256Value?, label: StaticString, _ bytes: UnsafeRawBufferPointer) {
        var before = previous ?? SHA256Value()
        let count = previous == nil ? 0 : 32
        unsafe withUnsafeMutableBytes(of: &self) { out in
            unsafe withUnsafeBytes(of: &before) { before in
                unsafe headgate_sha256_of_three(
                    label.utf8Start, label.utf8CodeUnitCount, before.baseAddress, count, bytes.baseAddress,
                    bytes.count, out.baseAddress)
            }
        }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        unsafe withUnsafeBytes(of: self) { unsafe [UInt8]($0) }
    }

    /// 64 hexadecimal digits.
    public var hexadecimal: String { String(decoding: Hex.encode(bytes), as: UTF8.self) }
}
