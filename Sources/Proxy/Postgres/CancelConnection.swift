import ByteKit
import EventLoop
import PostgresWire
import Settings
import Telemetry

/// A connection that carries one CancelRequest to a server and waits for the server to close it: only then is it
/// certain that the signal cannot hit the server's next user. Over TLS where its cluster has it, for the key is a secret.
final class CancelConnection: Connection {
    private let server: any CancelTarget
    let deadline: Int64
    private var state = State.connecting

    private enum State { case connecting, asked, securing, sent, over }

    init(worker: Worker, server: any CancelTarget) {
        self.server = server
        deadline = worker.cancelDeadline
        super.init(worker: worker)
        server.cancelStarted()
    }

    func start() {
        switch Sockets.connect(to: server.address) {
        case .connected(let fd), .inProgress(let fd): attach(fd: fd, loop: worker.loop, reading: false, writing: true)
        case .failed: end()
        }
    }

    override func ready(_ events: Int32) {
        if state == .connecting {
            guard Sockets.takeError(fd) == nil else { return end() }
            setInterest(reading: true, writing: false)
            guard tlsMode(of: server.cluster, at: server.address) != .disable else { return ask() }
            state = .asked
            var out = ByteWriter(capacity: 8)
            out.sslRequest()
            send(out.take())
            return
        }
        if events & IOEvent.writable != 0 && !output.isEmpty { flush() }
        if events & IOEvent.readable != 0 && isAttached && isReading { receive() }
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard state == .asked, bytes.count == 1 else {
            end()
            return bytes.count
        }
        switch unsafe bytes[0] {
        case UInt8(ascii: "S"):
            state = .securing
            beginTLS(with: server.cluster, host: server.host)
        case UInt8(ascii: "N") where server.cluster.tls.mode == .prefer: ask()
        default: end()
        }
        return bytes.count
    }

    override func tlsOpened() { ask() }

    override func tlsFailed(_ failure: TLSFailure) {
        Log.warn("cancel_failed", "a statement cannot be cancelled", ["reason": failure.description])
        end()
    }

    private func ask() {
        state = .sent
        var out = ByteWriter(capacity: 64)
        out.cancelRequest(processID: server.processID, key: server.cancelKey)
        send(out.take())
    }

    override func ended(_ errno: Errno?) { end() }

    /// It has arrived, or never will.
    func end() {
        if state == .over { return }
        state = .over
        closeSocket()
        worker.loop.retire(self)
        worker.ended(self)
        server.cancelArrived()
    }
}
