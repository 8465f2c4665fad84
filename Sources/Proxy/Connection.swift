import ByteKit
import CLinux
import EventLoop
import Sessions

/// A socket with what is kept for it: bytes received and not dealt with, bytes not yet sent. The base of client and
/// server connections. Lives on its worker's thread.
class Connection: IOObject {
    private unowned(unsafe) let owner: Worker
    /// Whose it is. The worker outlives its connections, so no count is kept.
    @inline(__always)
    final var worker: Worker { unsafe owner }
    /// Received and not dealt with: part of a message, or messages of a client that waits for a server.
    final var carried = ByteStore()
    /// Not yet sent.
    final var output = ByteStore()
    /// The other side takes no more for now.
    final var isHeldByPeer = false
    /// More is carried than may be.
    final var isHeldByCarried = false
    /// Not read for a while, because its client's application has been sent as much as it may be.
    private(set) final var isThrottled = false
    /// SUSPEND: it is not read.
    final var isSuspended = false
    /// The socket failed; it will be closed at the end of the turn.
    final var isBroken = false
    /// What is sent goes through `sendEncoded`.
    final var isEncoded = false
    /// What goes over the socket is sealed by it; `output` is sealed already.
    final var tls: TLSChannel?

    /// Unsent bytes above which the side that produces them is no longer read.
    static let highWater = 256 << 10
    /// Unsent bytes below which it is read again.
    static let lowWater = 64 << 10

    init(worker: Worker) {
        unsafe owner = worker
        super.init()
    }

    /// Starts to wait for bytes on a connected socket.
    final func open(_ fd: Int32) {
        attach(fd: fd, loop: worker.loop, reading: true, writing: false)
    }

    /// Stops watching and closes the socket.
    final func closeSocket() {
        if tls != nil { endTLS() }
        let fd = self.fd
        detach()
        if fd >= 0 { Sockets.close(fd) }
        carried.clear()
        output.clear()
    }

    /// Waits for what there is to wait for.
    final func updateInterest() {
        guard isAttached else { return }
        setInterest(
            reading: !isHeldByPeer && !isHeldByCarried && !isSuspended && !isThrottled, writing: !output.isEmpty)
        if isEncoded { interestChanged() }
    }

    /// Is not read for a while, or is again.
    final func setThrottled(_ on: Bool) {
        if isThrottled == on { return }
        isThrottled = on
        updateInterest()
    }

    /// Sends now what the socket takes, keeps the rest.
    final func send(_ bytes: UnsafeRawBufferPointer) {
        if isEncoded { unsafe sendEncoded(bytes) } else { unsafe sendNow(bytes) }
    }

    /// Sends these very bytes.
    final func sendNow(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count == 0 || isBroken || !isAttached { return }
        if tls != nil { return unsafe seal(bytes) }
        unsafe sendAsIs(bytes)
    }

    /// Sends bytes that need nothing more done to them.
    final func sendAsIs(_ bytes: UnsafeRawBufferPointer) {
        if !output.isEmpty {
            unsafe output.append(bytes)
            outputGrew()
            return
        }
        switch unsafe Sockets.send(fd, bytes) {
        case .bytes(let sent):
            if sent == bytes.count { return }
            unsafe output.append(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
        case .wouldBlock:
            unsafe output.append(bytes)
        case .eof, .failed:
            markBroken()
            return
        }
        updateInterest()
        outputGrew()
    }

    final func send(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe send($0) }
    }

    /// Carries out a plan whose untouched ranges lie in `source`.
    final func send(_ plan: SendPlan, from source: UnsafeRawBufferPointer) {
        if plan.isEmpty { return }
        if plan.isOnePiece {
            let piece = plan.last
            if piece.isMade {
                unsafe plan.made.withUnsafeBytes { unsafe send($0) }
            } else {
                unsafe send(UnsafeRawBufferPointer(rebasing: source[piece.start..<piece.end]))
            }
        } else {
            unsafe sendPieces(plan, from: source)
        }
        plan.reset()
    }

    private func sendPieces(_ plan: SendPlan, from source: UnsafeRawBufferPointer) {
        unsafe plan.made.withUnsafeBytes { made in
            if isBroken || !isAttached { return }
            if isEncoded || tls != nil {
                var all = ByteStore()
                all.reserve(plan.byteCount)
                for piece in plan.earlier + [plan.last] {
                    let bytes = unsafe piece.isMade ? made : source
                    unsafe all.append(UnsafeRawBufferPointer(rebasing: bytes[piece.start..<piece.end]))
                }
                unsafe all.withBytes { unsafe send($0) }
                return
            }
            var sent = 0
            if output.isEmpty {
                let result = unsafe withUnsafeTemporaryAllocation(of: SendPiece.self, capacity: 64) { vector in
                    var count = 0
                    for piece in plan.earlier + [plan.last] where count < 64 {
                        let bytes = unsafe piece.isMade ? made : source
                        unsafe vector.initializeElement(
                            at: count,
                            to: SendPiece(
                                base: bytes.baseAddress.map { unsafe $0 + piece.start }, count: piece.end - piece.start
                            ))
                        count += 1
                    }
                    return unsafe Sockets.sendv(fd, UnsafeBufferPointer(rebasing: vector[..<count]))
                }
                switch result {
                case .bytes(let amount): sent = amount
                case .wouldBlock: sent = 0
                case .eof, .failed:
                    markBroken()
                    return
                }
            }
            if sent == plan.byteCount { return }
            for piece in plan.earlier + [plan.last] {
                let length = piece.end - piece.start
                if sent >= length {
                    sent -= length
                    continue
                }
                let bytes = unsafe piece.isMade ? made : source
                unsafe output.append(UnsafeRawBufferPointer(rebasing: bytes[(piece.start + sent)..<piece.end]))
                sent = 0
            }
            updateInterest()
            outputGrew()
        }
    }

    /// Sends what is kept, as far as the socket takes it.
    final func flush() {
        while !output.isEmpty {
            let result = unsafe output.withBytes { unsafe Sockets.send(fd, $0) }
            switch result {
            case .bytes(let sent):
                let whole = output.count == sent
                output.drop(sent)
                if !whole { break }
            case .wouldBlock: break
            case .eof, .failed:
                markBroken()
                return
            }
            break
        }
        updateInterest()
        if output.count <= Self.lowWater { outputShrank() }
    }

    final func markBroken() {
        if isBroken { return }
        isBroken = true
        output.clear()
        worker.broken.append(self)
    }

    /// Receives into the loop's scratch, behind what is carried, and hands everything to `receive`. Answers false when
    /// the connection has ended.
    @inline(__always)
    final func receive() {
        if tls != nil { return receiveSealed() }
        let scratch = unsafe worker.loop.scratch
        let head = carried.count
        if head <= scratch.count / 2 {
            if head > 0 { unsafe carried.withBytes { unsafe scratch.copyMemory(from: $0) } }
            switch unsafe Sockets.recv(fd, into: UnsafeMutableRawBufferPointer(rebasing: scratch[head...])) {
            case .bytes(let got): unsafe deal(UnsafeRawBufferPointer(rebasing: scratch[..<(head + got)]))
            case .wouldBlock: return
            case .eof: ended(nil)
            case .failed(let errno): ended(errno)
            }
            return
        }
        receiveLarge()
    }

    /// Deals with bytes in front of which lies what was carried, keeps what is left.
    @inline(__always)
    final func deal(_ all: UnsafeRawBufferPointer) {
        // While `received` runs nothing is carried: it is all in front of the caller.
        if !carried.isEmpty { carried.clear() }
        let used = unsafe received(all)
        if isAttached && used < all.count {
            unsafe carried.append(UnsafeRawBufferPointer(rebasing: all[used...]))
        }
    }

    /// A long message is gathered where it is kept.
    private func receiveLarge() {
        carried.reserve(64 << 10)
        let result = unsafe carried.withRoom { unsafe Sockets.recv(fd, into: $0) }
        switch result {
        case .bytes(let got):
            carried.extend(got)
            processCarried()
        case .wouldBlock: return
        case .eof: ended(nil)
        case .failed(let errno): ended(errno)
        }
    }

    /// Deals with what is carried, without receiving.
    final func processCarried() {
        if carried.isEmpty || !isAttached { return }
        let bytes = carried.take()
        let used = unsafe bytes.withBytes { all in
            let used = unsafe received(all)
            if isAttached && used < all.count {
                // Nothing is carried while this runs, so the rest is all there is.
                unsafe carried.append(UnsafeRawBufferPointer(rebasing: all[used...]))
            }
            return used
        }
        _ = used
    }

    /// Deals with bytes; answers how many of them are done with.
    func received(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }

    /// Sends bytes in another form; only where `isEncoded`.
    func sendEncoded(_ bytes: UnsafeRawBufferPointer) {}

    /// Deals with bytes in another form; only where `isEncoded`.
    func encodedReceived(_ bytes: UnsafeRawBufferPointer) {}

    /// TLS is agreed on.
    func tlsOpened() {}

    /// There will be no TLS.
    func tlsFailed(_ failure: TLSFailure) {}

    /// It may be read again, or may not; only where `isEncoded`.
    func interestChanged() {}

    /// The other end closed, or the socket failed.
    func ended(_ errno: Errno?) {}

    /// More is unsent than before.
    func outputGrew() {}

    /// Little enough is unsent for more to be made.
    func outputShrank() {}
}
