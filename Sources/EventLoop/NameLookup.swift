import CLinux
import Glibc

/// Why a host name has no address.
public struct ResolveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name asked for.
    public let host: String
    /// The resolver's words.
    public let reason: String
    /// Whether asking again may help: the name server did not answer, as opposed to knowing no such name.
    public let isTemporary: Bool

    /// "cannot resolve …: …".
    public var description: String { "cannot resolve \(host): \(reason)" }
}

/// One question to the system's resolver.
enum NameLookup {
    /// How many addresses of a name are kept.
    static let limit = 16

    /// Blocks, for seconds if name servers do not answer. Addresses come with port 0, in the order of preference of
    /// getaddrinfo (RFC 6724).
    static func system(_ host: String) -> Result<[PeerAddress], ResolveError> {
        var failure: Int32 = 0
        let found = unsafe withUnsafeTemporaryAllocation(of: headgate_address.self, capacity: limit) { buffer in
            let count = unsafe headgate_resolve(host, 0, buffer.baseAddress, Int32(limit), &failure)
            return unsafe buffer.prefix(max(Int(count), 0)).map(PeerAddress.init)
        }
        if failure == 0, !found.isEmpty { return .success(found) }
        let reason = failure == 0 ? "no address" : unsafe String(cString: gai_strerror(failure))
        let isTemporary = headgate_resolve_is_temporary(failure) != 0
        return .failure(ResolveError(host: host, reason: reason, isTemporary: isTemporary))
    }
}
