internal import ByteKit
internal import CZlib
internal import CZstd

/// The memory compressing and decompressing needs, for all connections of a worker: a connection holds some only in the
/// middle of a frame. Not `Sendable`.
@safe
public final class CompressionContexts {
    private var idle: [FrameDecoder] = []
    private var deflater: UnsafeMutablePointer<z_stream>?
    private var compressor: OpaquePointer?

    /// How many decoders are kept for the next frame.
    private static let keptIdle = 8

    /// Nothing is allocated before the first frame.
    public init() {
        unsafe deflater = nil
        unsafe compressor = nil
    }

    deinit {
        if let deflater = unsafe deflater {
            unsafe deflateEnd(deflater)
            unsafe deflater.deallocate()
        }
        if let compressor = unsafe compressor { unsafe ZSTD_freeCCtx(compressor) }
    }

    /// A decoder ready for a frame; nil if there is no memory.
    func decoder(isZstd: Bool) -> FrameDecoder? {
        if let index = idle.lastIndex(where: { $0.isZstd == isZstd }) {
            let found = idle.remove(at: index)
            found.begin()
            return found
        }
        return FrameDecoder(isZstd: isZstd)
    }

    /// Takes a decoder back.
    func release(_ decoder: FrameDecoder) {
        if idle.count < Self.keptIdle { idle.append(decoder) }
    }

    /// Appends `plain` compressed; false, and nothing is written, if that would not be shorter.
    func compress(_ plain: RawSpan, _ compression: PacketCompression, to out: inout ByteWriter) -> Bool {
        guard plain.byteCount > 1 else { return false }
        let written = unsafe plain.withUnsafeBytes { source in
            unsafe out.fill(upTo: source.count &- 1) { room in
                switch compression {
                case .zlib: unsafe deflate(source, room)
                case .zstd(let level): unsafe zstd(source, room, level)
                }
            }
        }
        return written > 0
    }

    private func deflate(_ source: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer) -> Int {
        guard let stream = unsafe zlibStream() else { return 0 }
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
            mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.pointee.avail_in = UInt32(truncatingIfNeeded: source.count)
        unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(truncatingIfNeeded: room.count)
        let code = unsafe CZlib.deflate(stream, Z_FINISH)
        let written = room.count &- Int(unsafe stream.pointee.avail_out)
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
        return code == Z_STREAM_END ? written : 0
    }

    private func zlibStream() -> UnsafeMutablePointer<z_stream>? {
        if let stream = unsafe deflater {
            return unsafe deflateReset(stream) == Z_OK ? stream : nil
        }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        guard unsafe headgate_deflate_init(stream, Z_DEFAULT_COMPRESSION) == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
        unsafe deflater = unsafe stream
        return unsafe stream
    }

    private func zstd(
        _ source: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer, _ level: Int
    ) -> Int {
        if unsafe compressor == nil { unsafe compressor = ZSTD_createCCtx() }
        guard let context = unsafe compressor else { return 0 }
        let written = unsafe ZSTD_compressCCtx(
            context, room.baseAddress, room.count, source.baseAddress, source.count, Int32(truncatingIfNeeded: level))
        return ZSTD_isError(written) != 0 ? 0 : written
    }
}
