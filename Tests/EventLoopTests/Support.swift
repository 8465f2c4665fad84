import EventLoop
import Glibc
import Testing

/// Two connected non-blocking unix sockets, closed with the object.
final class SocketPair {
    let near: Int32
    let far: Int32

    init() throws {
        var fds: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &fds) { bytes in
            unsafe socketpair(
                AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0,
                bytes.bindMemory(to: Int32.self).baseAddress)
        }
        try #require(result == 0)
        (near, far) = fds
    }

    deinit {
        Sockets.close(near)
        Sockets.close(far)
    }
}

/// Counts what it is told.
final class Recorder: IOObject {
    var events: [Int32] = []
    var onReady: () -> Void = {}

    override func ready(_ events: Int32) {
        self.events.append(events)
        onReady()
    }
}

func newLoop() throws -> Loop { try #require(Loop()) }

/// Turns the loop until `done` or about `seconds` have passed; whether it was done.
func turn(_ loop: Loop, seconds: Double = 5, until done: () -> Bool) -> Bool {
    let tick = LoopTimer(loop: loop) {}
    tick.start(every: 5_000)
    var turns = Int(seconds * 200)
    while !done() {
        guard turns > 0 else { return false }
        turns -= 1
        loop.turn(blocking: true)
    }
    return true
}

@discardableResult
func sendText(_ fd: Int32, _ text: String) -> IOResult {
    let bytes = Array(text.utf8)
    return unsafe bytes.withUnsafeBytes { unsafe Sockets.send(fd, $0) }
}

func receiveText(_ fd: Int32) -> String? {
    unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
        guard case .bytes(let count) = unsafe Sockets.recv(fd, into: buffer) else { return nil }
        return unsafe String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}

func receive(_ fd: Int32) -> IOResult {
    unsafe withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { unsafe Sockets.recv(fd, into: $0) }
}

/// A path in /tmp nobody else uses.
func temporaryPath(_ name: String) -> String {
    "/tmp/headgate-test-\(getpid())-\(UInt32.random(in: 0 ... .max))-\(name)"
}
