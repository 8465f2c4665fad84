import EventLoop
import Glibc
import Testing

@Suite struct ListenerSocketTests {
    @Test func aSecondListenerIsToldWhatToDo() throws {
        let first = try ListenerSocket.open(.tcp(host: "127.0.0.1", port: 0)).get()
        defer { Sockets.close(first) }
        let port = try #require(Sockets.localAddress(first)).port
        let address = ListenAddress.tcp(host: "127.0.0.1", port: port)
        for result in [ListenerSocket.open(address), ListenerSocket.openGroup(address, count: 2).map { $0[0] }] {
            guard case .failure(let error) = result else {
                Issue.record("the port is taken")
                continue
            }
            #expect(error.errno == .addressInUse)
            #expect(error.description.contains("cannot listen on 127.0.0.1:\(port): the address is in use"))
        }
    }

    @Test func aGroupSharesOnePort() throws {
        let group = try ListenerSocket.openGroup(.tcp(host: "127.0.0.1", port: 0), count: 3).get()
        let ports = Set(group.compactMap { Sockets.localAddress($0)?.port })
        #expect(group.count == 3 && ports.count == 1)
        // Another process with SO_REUSEPORT of its own would get in unnoticed; the test for it notices.
        let port = try #require(ports.first)
        guard case .failure = ListenerSocket.openGroup(.tcp(host: "127.0.0.1", port: port), count: 1) else {
            Issue.record("the port is taken")
            return
        }
        let taken = ListenerSocket.openGroup(.tcp(host: "127.0.0.1", port: port), count: 1, exclusive: false)
        for fd in group + (try taken.get()) { Sockets.close(fd) }
    }

    @Test func everyAddressOfBothFamilies() throws {
        let fd = try ListenerSocket.open(.tcp(host: "*", port: 0)).get()
        defer { Sockets.close(fd) }
        let port = try #require(Sockets.localAddress(fd)).port
        for host in ["127.0.0.1", "::1"] {
            let target = try #require(PeerAddress(numeric: host, port: port))
            guard case .v6? = Sockets.localAddress(fd)?.family else { continue }
            guard case .failed = Sockets.connect(to: .ip(target)) else {
                let (connection, peer) = try accepted(fd)
                // An IPv4 client of a dual-stack listener shows as IPv4.
                #expect(peer.host == host)
                Sockets.close(connection)
                continue
            }
        }
    }

    @Test func namesAreResolved() throws {
        let fd = try ListenerSocket.open(.tcp(host: "localhost", port: 0)).get()
        Sockets.close(fd)
        guard case .failure(let error) = ListenerSocket.open(.tcp(host: "no.such.host.invalid", port: 1)) else {
            Issue.record("the name does not exist")
            return
        }
        #expect(error.errno == nil)
        #expect(error.description.contains("does not resolve"))
    }

    @Test func aStaleUnixSocketIsReplacedAndALiveOneIsNot() throws {
        let address = ListenAddress.unix(path: temporaryPath("stale"))
        let dead = try ListenerSocket.open(address).get()
        guard case .failure(let error) = ListenerSocket.open(address) else {
            Issue.record("somebody listens")
            return
        }
        #expect(error.errno == .addressInUse)
        Sockets.close(dead)
        let alive = try ListenerSocket.open(address).get()
        Sockets.close(alive)
        ListenerSocket.removeFile(of: address)
    }

    @Test func filesInTheWayAreLeftAlone() throws {
        let path = temporaryPath("file")
        let fd = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
        Sockets.close(fd)
        defer { unsafe unlink(path) }
        guard case .failure(let error) = ListenerSocket.open(.unix(path: path)) else {
            Issue.record("a file is in the way")
            return
        }
        #expect(error.reason.contains("not a socket"))
        #expect(unsafe access(path, F_OK) == 0)
    }

    @Test func unixModesAndBadPaths() throws {
        let path = temporaryPath("mode")
        let address = ListenAddress.unix(path: path)
        let fds = try ListenerSocket.openGroup(address, count: 2, unixMode: 0o640).get()
        #expect(Set(fds).count == 2)
        var status = stat()
        #expect(unsafe stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o640)
        for fd in fds { Sockets.close(fd) }
        ListenerSocket.removeFile(of: address)
        for (bad, words) in [
            ("/no/such/directory/s", "directory does not exist"), ("/tmp/" + String(repeating: "x", count: 120), "107"),
        ] {
            guard case .failure(let error) = ListenerSocket.open(.unix(path: bad)) else {
                Issue.record("\(bad) should not open")
                continue
            }
            #expect(error.reason.contains(words))
        }
    }
}

@Suite(.serialized) struct ListenerTests {
    @Test func aBurstIsTakenInBatches() throws {
        let loop = try newLoop()
        let socket = try ListenerSocket.open(.tcp(host: "127.0.0.1", port: 0)).get()
        let target = try #require(Sockets.localAddress(socket))
        var taken: [Int32] = []
        let listener = Listener(fd: socket, loop: loop) { fd, peer in
            #expect(peer.host == "127.0.0.1")
            taken.append(fd)
        } onTrouble: {
            Issue.record("\($0)")
        }
        let clients = try (0..<150).map { _ in try descriptor(Sockets.connect(to: .ip(target))) }
        loop.turn(blocking: true)
        #expect(taken.count == Listener.batch)
        #expect(turn(loop) { taken.count == 150 })
        #expect(listener.accepted == 150)

        listener.pause()
        let late = try descriptor(Sockets.connect(to: .ip(target)))
        for _ in 0..<5 { loop.turn(blocking: false) }
        #expect(taken.count == 150)
        listener.resume()
        #expect(turn(loop) { taken.count == 151 })
        listener.close()
        listener.close()
        for fd in taken + clients + [late] { Sockets.close(fd) }
    }

    @Test func itMayBeClosedInItsOwnCallback() throws {
        let loop = try newLoop()
        let socket = try ListenerSocket.open(.tcp(host: "127.0.0.1", port: 0)).get()
        let target = try #require(Sockets.localAddress(socket))
        var taken = 0
        var listener: Listener?
        listener = Listener(fd: socket, loop: loop) { fd, _ in
            taken += 1
            Sockets.close(fd)
            guard let closing = listener else { return }
            closing.close()
            loop.retire(closing)
            listener = nil
        } onTrouble: {
            Issue.record("\($0)")
        }
        let clients = try (0..<3).map { _ in try descriptor(Sockets.connect(to: .ip(target))) }
        loop.turn(blocking: true)
        loop.turn(blocking: false)
        #expect(taken == 1)
        for fd in clients { Sockets.close(fd) }
    }

    @Test func shortageOfDescriptorsClosesTheClientAndRecovers() async throws {
        // In a process of its own: the limit is the process's.
        await #expect(processExitsWith: .success) {
            guard let loop = Loop() else { exit(2) }
            guard case .success(let socket) = ListenerSocket.open(.unix(path: temporaryPath("emfile"))) else { exit(3) }
            var name = sockaddr_un()
            var size = socklen_t(MemoryLayout<sockaddr_un>.size)
            let path = unsafe withUnsafeMutableBytes(of: &name) { bytes in
                _ = unsafe getsockname(socket, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
                return unsafe String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
            }
            var taken: [Int32] = []
            var troubles: [ListenerTrouble] = []
            let listener = Listener(fd: socket, loop: loop) { fd, _ in
                taken.append(fd)
            } onTrouble: {
                troubles.append($0)
            }
            guard case .connected(let first) = Sockets.connect(to: .unix(path)) else { exit(4) }
            guard case .connected(let second) = Sockets.connect(to: .unix(path)) else { exit(5) }
            var hoard: [Int32] = []
            var limit = rlimit(rlim_cur: 256, rlim_max: 256)
            _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            while true {
                let fd = dup(0)
                if fd < 0 { break }
                hoard.append(fd)
            }
            let start = loop.nowMicros
            _ = turn(loop) { !troubles.isEmpty }
            guard troubles == [.exhausted(.tooManyOpenFiles, shed: 1)], taken.isEmpty else { exit(6) }
            guard receive(first) == .eof, receive(second) == .wouldBlock, !listener.isReading else { exit(7) }
            for fd in hoard { Sockets.close(fd) }
            guard turn(loop, until: { !taken.isEmpty }) else { exit(8) }
            guard loop.nowMicros - start >= 90_000, troubles.count == 1 else { exit(9) }
            listener.close()
            _ = unsafe unlink(path)
            exit(0)
        }
    }
}
