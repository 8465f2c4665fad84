import Glibc
import Telemetry
import Testing

@testable import EventLoop

@Suite struct LoopThreadTests {
    @Test func bodiesRunUnderTheirNameWithRoomOnTheStack() throws {
        let seen = Guarded("")
        let thread = try LoopThread.spawn(name: "worker with a long name") {
            let comm = unsafe open("/proc/thread-self/comm", O_RDONLY)
            let name = unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
                let count = unsafe read(comm, buffer.baseAddress, buffer.count)
                return unsafe String(decoding: buffer.prefix(max(count - 1, 0)), as: UTF8.self)
            }
            Sockets.close(comm)
            // Seven of the eight megabytes of stack.
            let sum = unsafe withUnsafeTemporaryAllocation(byteCount: 7 << 20, alignment: 16) { buffer in
                unsafe buffer.initializeMemory(as: UInt8.self, repeating: 1)
                return buffer.count
            }
            seen.withLock { $0 = "\(name) \(sum)" }
        }.get()
        thread.join()
        thread.join()
        #expect(seen.withLock { $0 } == "worker with a l \(7 << 20)")
    }

    @Test func processorsAreCounted() {
        #expect((1...4096).contains(LoopThread.processorCount))
    }

    @Test func theDescriptorLimitIsRaised() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            _ = unsafe getrlimit(resource, &limit)
            limit.rlim_cur = 300
            _ = unsafe setrlimit(resource, &limit)
            exit(Descriptors.raiseLimit() == Int(clamping: limit.rlim_max) ? 0 : 1)
        }
    }
}

@Suite struct SignalsTests {
    @Test func signalsArriveAsCalls() async {
        await #expect(processExitsWith: .success) {
            // Raised on the thread that waits: the test's other threads block nothing and would die of them.
            let arrived = Guarded<[Signal?]>([])
            let sent: [Signal] = [.terminate, .hangUp, .user1, .user2, .quit, .interrupt]
            let thread = LoopThread.spawn(name: "signals") {
                Signals.block()
                // Ignored, as a closed client connection must not end the process.
                raise(SIGPIPE)
                for signal in sent { raise(signal.rawValue) }
                for _ in sent { arrived.withLock { $0.append(Signals.wait()) } }
            }
            guard case .success(let thread) = thread else { exit(2) }
            thread.join()
            exit(Set(arrived.withLock { $0 }) == Set(sent) ? 0 : 1)
        }
    }
}

@Suite struct ServiceManagerTests {
    @Test func systemdIsTold() async {
        await #expect(processExitsWith: .success) {
            let path = temporaryPath("notify")
            let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            let bound = unsafe withUnsafeMutableBytes(of: &name) { raw in
                for (index, byte) in bytes.enumerated() { unsafe raw[2 + index] = byte }
                return unsafe bind(
                    fd, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                    socklen_t(MemoryLayout<sockaddr_un>.size))
            }
            guard bound == 0 else { exit(2) }
            unsafe setenv("NOTIFY_SOCKET", path, 1)
            unsafe setenv("WATCHDOG_USEC", "2000000", 1)
            ServiceManager.ready(status: "2 workers\non 4 cores")
            guard receiveText(fd) == "READY=1\nSTATUS=2 workers on 4 cores" else { exit(3) }
            ServiceManager.reloading()
            guard receiveText(fd)?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true else { exit(4) }
            ServiceManager.status("draining")
            guard receiveText(fd) == "STATUS=draining" else { exit(5) }
            guard ServiceManager.watchdogMicros == 2_000_000 else { exit(6) }
            ServiceManager.keepAlive()
            guard receiveText(fd) == "WATCHDOG=1" else { exit(7) }
            ServiceManager.stopping()
            guard receiveText(fd) == "STOPPING=1" else { exit(8) }
            _ = unsafe unlink(path)
            exit(0)
        }
    }
}
