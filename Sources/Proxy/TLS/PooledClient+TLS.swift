import EventLoop
import Settings

/// What a client lacks for the listener it came to; each protocol has its own words for it.
enum TLSShortfall {
    /// It came in the clear.
    case missing(TLSMode)
    /// Its certificate is for another user.
    case otherUser
}

extension PooledClient {
    /// What is missing for it to be `user` at this listener; nil if nothing is. Unix sockets have no TLS and need none.
    final func tlsShortfall(_ listener: ListenSettings, user: String) -> TLSShortfall? {
        let mode = listener.tls.mode
        if peer.family == .unix || mode == .disable || mode == .prefer { return nil }
        guard let tls else { return .missing(mode) }
        return mode == .verifyFull && tls.peerCommonName != user ? .otherUser : nil
    }
}
