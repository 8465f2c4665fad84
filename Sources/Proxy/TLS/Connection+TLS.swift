import ByteKit
import EventLoop
import Sessions
import Settings

/// TLS under a connection: sealed bytes are opened where they come in, plain ones sealed where they leave; nothing in between
/// knows of it.
extension Connection {
    /// From here on everything is sealed. `early` is what has come behind the last plain byte and belongs to TLS already.
    final func beginTLS(_ channel: TLSChannel, early: UnsafeRawBufferPointer) {
        tls = channel
        unsafe sealedReceived(early)
    }

    /// A server has agreed to TLS: we begin it.
    final func beginTLS(with cluster: ClusterSettings, host: String) {
        guard let context = worker.snapshot.tls.client(cluster),
            let channel = TLSChannel(context, worker.tlsPort, connectingTo: host)
        else { return tlsFailed(.refused("it cannot be begun: the files of its cluster are of no use")) }
        unsafe beginTLS(channel, early: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// What is asked of a server at `address`: unix sockets need no TLS and have none.
    final func tlsMode(of cluster: ClusterSettings, at address: SocketAddress) -> TLSMode {
        if case .unix = address { return .disable }
        return cluster.tls.mode
    }

    /// Receives into the loop's scratch and opens what there is of it.
    final func receiveSealed() {
        let scratch = unsafe worker.loop.scratch
        switch unsafe Sockets.recv(fd, into: scratch) {
        case .bytes(let got): unsafe sealedReceived(UnsafeRawBufferPointer(rebasing: scratch[..<got]))
        case .wouldBlock: return
        case .eof: ended(nil)
        case .failed(let errno): ended(errno)
        }
    }

    private func sealedReceived(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else { return }
        unsafe worker.tlsPort.feed(bytes)
        if !tls.isOpen {
            let progress = tls.handshake()
            sendSealed()
            switch progress {
            case .opened: tlsOpened()
            case .failed(let failure): return tlsFailed(failure)
            case .ended: return ended(nil)
            case .needsMore, .bytes: return
            }
            guard isAttached, !isBroken else { return }
        }
        let last: TLSChannel.Progress
        if isEncoded {
            last = unsafe open(tls, behind: 0) { unsafe encodedReceived($0) }
        } else if carried.count <= Loop.scratchSize {
            let head = carried.count
            unsafe carried.withBytes { unsafe worker.tlsPort.plain.copyMemory(from: $0) }
            last = unsafe open(tls, behind: head) { unsafe deal($0) }
        } else {
            last = gather(tls)
        }
        guard isAttached, !isBroken else { return }
        switch last {
        case .failed(let failure): tlsFailed(failure)
        case .ended: ended(nil)
        case .needsMore, .bytes, .opened: return
        }
    }

    /// Opens everything behind the first `head` bytes of the port's room, and lends the whole of it.
    private func open(
        _ tls: TLSChannel, behind head: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) -> TLSChannel.Progress {
        let room = unsafe worker.tlsPort.plain
        var end = head
        while true {
            var progress = unsafe tls.open(into: UnsafeMutableRawBufferPointer(rebasing: room[end...]))
            if case .bytes(let count) = progress {
                end += count
                if tls.hasMore { continue }
                progress = .needsMore
            }
            // What OpenSSL itself has to say, such as new keys.
            sendSealed()
            if end > head { unsafe body(UnsafeRawBufferPointer(rebasing: room[..<end])) }
            return progress
        }
    }

    /// A long message is gathered where it is kept.
    private func gather(_ tls: TLSChannel) -> TLSChannel.Progress {
        while true {
            carried.reserve(16 << 10)
            let progress = unsafe carried.withRoom { unsafe tls.open(into: $0) }
            if case .bytes(let count) = progress {
                carried.extend(count)
                continue
            }
            sendSealed()
            processCarried()
            return progress
        }
    }

    final func seal(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else { return }
        if unsafe tls.seal(bytes) { sendSealed() } else { markBroken() }
    }

    private func sendSealed() {
        unsafe worker.tlsPort.takeSealed { bytes in
            if !isBroken, isAttached { unsafe sendAsIs(bytes) }
        }
    }

    /// Says goodbye, if the socket takes it.
    final func endTLS() {
        guard let tls, isAttached else { return }
        self.tls = nil
        if isBroken || !output.isEmpty { return }
        tls.end()
        unsafe worker.tlsPort.takeSealed { unsafe _ = Sockets.send(fd, $0) }
    }
}

extension MySQLServerLogin.Security {
    /// What a cluster's `tls` means for a server at `address`.
    init(_ mode: TLSMode, _ address: SocketAddress) {
        if case .unix = address {
            self = .secure
            return
        }
        switch mode {
        case .disable: self = .clear
        case .prefer: self = .preferTLS
        case .require, .verifyCA, .verifyFull: self = .requireTLS
        }
    }
}
