import ByteKit
import EventLoop
import MySQLWire
import Sessions
import Telemetry

/// What a client whose bytes are compressed needs besides.
final class MySQLEncoding {
    var reader: CompressedPacketReader
    var writer: CompressedPacketWriter
    /// Received and not decompressed: at most what was received at once.
    var raw = ByteStore()
    /// Part of a packet that is not sent before the rest has come; and where packets end.
    var tail = ByteStore()
    var framing = CompressedPacketFraming()
    /// There is more to be had from what was decompressed in part.
    var hasMore = false
    var isPumping = false
    var isQueued = false

    init(_ compression: PacketCompression) {
        reader = CompressedPacketReader(compression)
        writer = CompressedPacketWriter(compression)
    }

    var hasWork: Bool { hasMore || !raw.isEmpty }
}

/// Compression between a client and us (protocol documentation, "Compression"): bytes are decompressed where they come in,
/// a little at a time, and compressed where they leave; nothing in between knows of it.
extension MySQLClient {
    /// So much is decompressed before it is dealt with.
    private static var step: Int { 64 << 10 }

    /// The login is over: from now on what was agreed on holds.
    func beginCompression(_ login: MySQLLoginAttempt) {
        guard let compression = PacketCompression(login.capabilities, zstdLevel: login.zstdLevel) else { return }
        encoding = MySQLEncoding(compression)
        isEncoded = true
        turnsEncoded = true
    }

    /// Bytes that came together with the end of the login.
    func keepEncoded(_ bytes: UnsafeRawBufferPointer) -> Int {
        turnsEncoded = false
        guard let encoding else { return bytes.count }
        unsafe encoding.raw.append(bytes)
        pumpLater(encoding)
        return bytes.count
    }

    func pumpLater(_ encoding: MySQLEncoding) {
        guard !encoding.isPumping, !encoding.isQueued, encoding.hasWork else { return }
        encoding.isQueued = true
        worker.unpumped.append(self)
    }

    func receiveEncoded(_ encoding: MySQLEncoding) {
        let scratch = unsafe worker.loop.scratch
        switch unsafe Sockets.recv(fd, into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<Self.step])) {
        case .bytes(let got): unsafe keepAndPump(UnsafeRawBufferPointer(rebasing: scratch[..<got]), encoding)
        case .wouldBlock: return
        case .eof: ended(nil)
        case .failed(let errno): ended(errno)
        }
    }

    func keepAndPump(_ bytes: UnsafeRawBufferPointer, _ encoding: MySQLEncoding) {
        turnsEncoded = false
        unsafe encoding.raw.append(bytes)
        pump()
    }

    /// Decompresses what was received, as far as it can be dealt with.
    func pump() {
        guard let encoding, !encoding.isPumping else { return }
        encoding.isQueued = false
        encoding.isPumping = true
        defer { encoding.isPumping = false }
        while encoding.hasWork, isAttached, !isBroken, !isHeldByCarried, !isHeldByPeer, !isSuspended {
            // An answer goes on behind the command's last frame.
            let isTurn = session.map { !$0.isAwaitingReply || $0.isSendingMessage } ?? true
            var out = ByteWriter(capacity: 1 << 12)
            guard let progress = decompress(encoding, into: &out) else {
                if isTurn { encoding.writer.sequence = encoding.reader.sequence &+ 1 }
                return fail(MySQLError(1157, "08S01", "Couldn't uncompress communication packet"))
            }
            encoding.raw.drop(progress.consumed)
            encoding.hasMore = progress.hasMore
            if isTurn { encoding.writer.sequence = encoding.reader.sequence &+ 1 }
            if out.count == 0 {
                if progress.consumed == 0 { return }
                continue
            }
            unsafe out.withUnsafeBytes { unsafe carried.append($0) }
            processCarried()
        }
    }

    private func decompress(
        _ encoding: MySQLEncoding, into out: inout ByteWriter
    ) -> CompressedPacketReader.Progress? {
        let raw = encoding.raw.take()
        let progress = unsafe raw.withBytes { bytes in
            unsafe try? encoding.reader.read(bytes.bytes, into: &out, limit: Self.step, worker.compression)
        }
        encoding.raw = raw
        return progress
    }
}
