internal import ByteKit
internal import CZlib
internal import CZstd

/// Decompresses one frame after the other, each given in pieces. 40 KiB with zlib; with zstd, at most what a frame of
/// 16 MiB needs to look back on.
@safe
final class FrameDecoder {
    enum Status { case goesOn, ended, broken }

    let isZstd: Bool
    private let zlib: UnsafeMutablePointer<z_stream>?
    private let zstd: OpaquePointer?

    /// nil if there is no memory.
    init?(isZstd: Bool) {
        self.isZstd = isZstd
        if isZstd {
            unsafe zlib = nil
            unsafe zstd = ZSTD_createDStream()
            guard unsafe zstd != nil, unsafe ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, 24)) == 0
            else {
                return nil
            }
        } else {
            unsafe zstd = nil
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            unsafe stream.initialize(to: z_stream())
            unsafe zlib = stream
            guard unsafe headgate_inflate_init(stream) == Z_OK else { return nil }
        }
    }

    deinit {
        if let zlib = unsafe zlib {
            unsafe inflateEnd(zlib)
            unsafe zlib.deallocate()
        }
        if let zstd = unsafe zstd { unsafe ZSTD_freeDStream(zstd) }
    }

    /// Makes ready for a frame.
    func begin() {
        if let zlib = unsafe zlib { unsafe inflateReset(zlib) }
        if let zstd = unsafe zstd { unsafe ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only) }
    }

    /// Takes what it can of `input` and writes what it can to `out`.
    func decode(
        _ input: RawSpan, into out: UnsafeMutableRawBufferPointer
    ) -> (consumed: Int, produced: Int, status: Status) {
        unsafe input.withUnsafeBytes { source in
            unsafe isZstd ? decodeZstd(source, out) : decodeZlib(source, out)
        }
    }

    private func decodeZlib(
        _ source: UnsafeRawBufferPointer, _ out: UnsafeMutableRawBufferPointer
    ) -> (Int, Int, Status) {
        guard let zlib = unsafe zlib else { return (0, 0, .broken) }
        // zlib does not write to what it reads.
        unsafe zlib.pointee.next_in = UnsafeMutablePointer(
            mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe zlib.pointee.avail_in = UInt32(truncatingIfNeeded: source.count)
        unsafe zlib.pointee.next_out = out.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe zlib.pointee.avail_out = UInt32(truncatingIfNeeded: out.count)
        let code = unsafe inflate(zlib, Z_NO_FLUSH)
        let consumed = source.count &- Int(unsafe zlib.pointee.avail_in)
        let produced = out.count &- Int(unsafe zlib.pointee.avail_out)
        unsafe zlib.pointee.next_in = nil
        unsafe zlib.pointee.next_out = nil
        switch code {
        case Z_STREAM_END: return (consumed, produced, .ended)
        // Z_BUF_ERROR says that there was nothing to do.
        case Z_OK, Z_BUF_ERROR: return (consumed, produced, .goesOn)
        default: return (consumed, produced, .broken)
        }
    }

    private func decodeZstd(
        _ source: UnsafeRawBufferPointer, _ out: UnsafeMutableRawBufferPointer
    ) -> (Int, Int, Status) {
        var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var output = unsafe ZSTD_outBuffer(dst: out.baseAddress, size: out.count, pos: 0)
        let code = unsafe ZSTD_decompressStream(zstd, &output, &input)
        let status: Status = ZSTD_isError(code) != 0 ? .broken : code == 0 ? .ended : .goesOn
        return unsafe (input.pos, output.pos, status)
    }
}
