import EventLoop
import Telemetry
import Testing

/// One of two workers that lend each other a descriptor: reads one byte, lets go, passes it on.
private final class Borrower: IOObject {
    private let loop: Loop
    private let passOn: (Int32) -> Void
    private let onEnd: () -> Void
    private(set) var read = 0

    init(loop: Loop, passOn: @escaping (Int32) -> Void, onEnd: @escaping () -> Void) {
        self.loop = loop
        self.passOn = passOn
        self.onEnd = onEnd
    }

    func take(_ fd: Int32) { attach(fd: fd, loop: loop, reading: true, writing: false) }

    override func ready(_ events: Int32) {
        let result = unsafe Sockets.recv(fd, into: UnsafeMutableRawBufferPointer(rebasing: loop.scratch[..<1]))
        let fd = self.fd
        switch result {
        case .bytes:
            read += 1
            detach()
            passOn(fd)
        case .eof:
            detach()
            onEnd()
        case .wouldBlock: break
        case .failed(let errno): Issue.record("\(errno)")
        }
    }
}

@Suite struct LendingTests {
    @Test func aDescriptorGoesToAndFroBetweenTwoThreads() throws {
        let pair = try SocketPair()
        let rounds = 1_000
        sendText(pair.far, String(repeating: "x", count: rounds))
        Sockets.shutdownWrite(pair.far)

        let away = Guarded<Mailbox<Int32>?>(nil)
        let home = try newLoop()
        let awayRead = Guarded(0)
        var borrower: Borrower?
        // -1: the other side saw the end.
        let inbox = Mailbox<Int32>(loop: home) { fd in
            if fd < 0 { home.stop() } else { borrower?.take(fd) }
        }
        borrower = Borrower(loop: home) { fd in
            away.withLock { $0 }?.post(fd)
        } onEnd: {
            away.withLock { $0 }?.post(-1)
        }
        let near = pair.near
        let thread = try LoopThread.spawn(name: "away") {
            guard let loop = Loop() else { return }
            let other = Borrower(loop: loop) { fd in
                inbox.post(fd)
            } onEnd: {
                inbox.post(-1)
                loop.stop()
            }
            let box = Mailbox<Int32>(loop: loop) { fd in
                guard fd < 0 else { return other.take(fd) }
                inbox.post(-1)
                loop.stop()
            }
            away.withLock { $0 = box }
            inbox.post(near)
            loop.run()
            box.close()
            awayRead.withLock { $0 = other.read }
        }.get()
        home.run()
        thread.join()
        inbox.close()
        #expect(borrower?.read == rounds / 2)
        #expect(awayRead.withLock { $0 } == rounds / 2)
        borrower = nil
    }
}
