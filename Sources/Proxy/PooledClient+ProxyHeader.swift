import EventLoop
import Sessions
import Settings
import Telemetry

/// A proxy in front of us says for whom it connects, before anything else: from then on that is who the client is, for
/// everything that asks where it comes from.
extension PooledClient {
    /// Deals with what comes while the header is not there, and with what follows it.
    final func headerReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        let used: Int
        switch unsafe ProxyHeader.parse(bytes.bytes) {
        case .needBytes: return 0
        case .malformed(let why):
            refuseHeader("a PROXY header must come first from \(peer.host), and \(why)")
            return bytes.count
        case .proxyItself(let end): used = end
        case .client(let address, let port, let end):
            guard let client = PeerAddress(bytes: address, port: port) else { return bytes.count }
            Log.debug("proxy_header", "a proxy connects for a client", ["proxy": peer.description, "client": client])
            speaks(for: client)
            used = end
        }
        phase = .login
        accepted()
        guard phase != .closed else { return bytes.count }
        return used < bytes.count
            ? used + (unsafe received(UnsafeRawBufferPointer(rebasing: bytes[used...]))) : used
    }

    /// The time to log in is over, and nobody has said whose connection it is.
    final func headerMissing() {
        refuseHeader("no PROXY header came from \(peer.host) within client_login_timeout")
    }

    /// Whether somebody whose headers are not believed sends one; it is told so and closed.
    final func isHeaderUnasked(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard unsafe ProxyHeader.isLikely(bytes.bytes) else { return false }
        fail(
            Refusal(
                .malformed, "a PROXY header came from \(peer.host), which is not believed here",
                hint: "Name the proxy in proxy_protocol of the listener, or have it send no header."))
        return true
    }

    private func refuseHeader(_ why: String) {
        fail(
            Refusal(
                .malformed, why,
                hint: "Have the proxy send a header (send-proxy), or take its address out of proxy_protocol."))
    }
}

extension ListenSettings {
    /// Whether a connection from `peer` begins with a header that is believed.
    func believes(_ peer: PeerAddress) -> Bool {
        proxyProtocol.contains { source in
            switch source {
            case .unix: peer.family == .unix
            case .range(let range): range.contains(peer.bytes)
            }
        }
    }
}
