import COpenSSL

/// Where TLS connections of one loop find what has been received for them and leave what is to be sent; and the room what
/// they have opened lies in. One per loop: only one connection is at work at a time, so idle ones have no buffer.
@safe public final class TLSPort {
    let raw: UnsafeMutablePointer<headgate_tls_port>
    /// Room for what a connection has carried, and behind it for what a full `Loop.scratch` and the record before may hold.
    /// Valid until the next connection receives.
    public let plain: UnsafeMutableRawBufferPointer

    /// A larger buffer of sealed bytes is given back once it is sent.
    private static let mostKept = 1 << 20

    /// Room for the connections of one loop.
    public init() {
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: headgate_tls_port())
        unsafe plain = .allocate(byteCount: 2 * Loop.scratchSize + (32 << 10), alignment: 4096)
    }

    deinit {
        unsafe free(raw.pointee.sealed)
        unsafe raw.deallocate()
        unsafe plain.deallocate()
    }

    /// What has been received for the connection that is served next. It must lie there until it has been opened.
    public func feed(_ bytes: UnsafeRawBufferPointer) {
        unsafe raw.pointee.received = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe raw.pointee.received_count = bytes.count
    }

    /// Lends what is to be sent, which is gone afterwards.
    public func takeSealed(_ body: (UnsafeRawBufferPointer) -> Void) {
        let count = unsafe raw.pointee.sealed_count
        guard count > 0 else { return }
        unsafe raw.pointee.sealed_count = 0
        unsafe body(UnsafeRawBufferPointer(start: raw.pointee.sealed, count: count))
        if unsafe raw.pointee.sealed_capacity > Self.mostKept {
            unsafe free(raw.pointee.sealed)
            unsafe raw.pointee.sealed = nil
            unsafe raw.pointee.sealed_capacity = 0
        }
    }

    /// How OpenSSL reaches the port.
    nonisolated(unsafe) static let method: OpaquePointer? = unsafe headgate_tls_port_method()
}
