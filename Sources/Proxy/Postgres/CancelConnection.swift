import ByteKit
import EventLoop
import PostgresWire
import Settings

/// A connection that carries one CancelRequest to a server and waits for the server to close it: only then is it
/// certain that the signal cannot hit the server's next user.
final class CancelConnection: IOObject {
    private unowned(unsafe) let owner: Worker
    private var worker: Worker { unsafe owner }
    private let server: any CancelTarget
    let deadline: Int64
    private var sent = false
    private var isOver = false

    init(worker: Worker, server: any CancelTarget) {
        unsafe owner = worker
        self.server = server
        deadline = worker.cancelDeadline
        super.init()
        server.cancelStarted()
    }

    func start() {
        switch Sockets.connect(to: server.address) {
        case .connected(let fd), .inProgress(let fd): attach(fd: fd, loop: worker.loop, reading: false, writing: true)
        case .failed: end()
        }
    }

    override func ready(_ events: Int32) {
        if !sent {
            guard Sockets.takeError(fd) == nil else { return end() }
            sent = true
            var out = ByteWriter(capacity: 64)
            out.cancelRequest(processID: server.processID, key: server.cancelKey)
            let bytes = out.take()
            guard case .bytes(bytes.count) = unsafe bytes.withUnsafeBytes({ unsafe Sockets.send(fd, $0) }) else {
                return end()
            }
            setInterest(reading: true, writing: false)
            return
        }
        let result = unsafe Sockets.recv(
            fd, into: UnsafeMutableRawBufferPointer(rebasing: worker.loop.scratch[..<64]))
        if case .wouldBlock = result { return }
        end()
    }

    /// It has arrived, or never will.
    func end() {
        if isOver { return }
        isOver = true
        let fd = self.fd
        if isAttached {
            detach()
            Sockets.close(fd)
        }
        worker.loop.retire(self)
        worker.ended(self)
        server.cancelArrived()
    }
}
