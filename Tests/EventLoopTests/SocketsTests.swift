import EventLoop
import Glibc
import Testing

@Suite struct SocketsTests {
    @Test func bytesGoThroughTCPOnBothFamilies() throws {
        for host in ["127.0.0.1", "::1"] {
            guard case .success(let listener) = ListenerSocket.open(.tcp(host: host, port: 0)) else {
                #expect(host == "::1", "IPv4 must work; a machine may lack IPv6")
                continue
            }
            defer { Sockets.close(listener) }
            let bound = try #require(Sockets.localAddress(listener))
            #expect(bound.port != 0)
            #expect(Sockets.accept(listener) == .wouldBlock)
            let client = try descriptor(Sockets.connect(to: .ip(bound)))
            defer { Sockets.close(client) }
            let (server, peer) = try accepted(listener)
            defer { Sockets.close(server) }
            #expect(peer == Sockets.localAddress(client))
            #expect(peer.host == host)
            #expect(Sockets.peerAddress(client) == bound)
            #expect(Sockets.takeError(client) == nil)
            #expect(Sockets.setNoDelay(client) == nil)
            #expect(Sockets.setKeepAlive(client, idle: 60, interval: 10, count: 3) == nil)
            #expect(Sockets.setUserTimeout(client, milliseconds: 5_000) == nil)

            #expect(receive(server) == .wouldBlock)
            #expect(sendText(client, "hello") == .bytes(5))
            #expect(poll(server))
            #expect(receiveText(server) == "hello")
            Sockets.shutdownWrite(client)
            #expect(poll(server))
            #expect(receive(server) == .eof)
        }
    }

    @Test func piecesAreSentAsOne() throws {
        let pair = try SocketPair()
        let texts = ["head|", "", "body|", "tail"].map { Array($0.utf8) }
        let whole = texts.flatMap { $0 }
        let result = unsafe whole.withUnsafeBytes { bytes -> IOResult in
            var offset = 0
            var pieces: [SendPiece] = unsafe []
            for text in texts {
                unsafe pieces.append(SendPiece(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + text.count])))
                offset += text.count
            }
            return unsafe pieces.withUnsafeBufferPointer { unsafe Sockets.sendv(pair.near, $0) }
        }
        #expect(result == .bytes(14))
        #expect(receiveText(pair.far) == "head|body|tail")
    }

    @Test func aFullSocketWouldBlockAndAGonePeerFails() throws {
        let pair = try SocketPair()
        let block = [UInt8](repeating: 7, count: 1 << 16)
        var sent = 0
        while case .bytes(let count) = unsafe block.withUnsafeBytes({ unsafe Sockets.send(pair.near, $0) }) {
            sent += count
            try #require(sent < 1 << 28)
        }
        #expect(unsafe block.withUnsafeBytes { unsafe Sockets.send(pair.near, $0) } == .wouldBlock)
        shutdown(pair.far, Int32(SHUT_RDWR))
        // No SIGPIPE: the process would be gone.
        #expect(sendText(pair.near, "x") == .failed(.brokenPipe))
        #expect(receive(-1) == .failed(.badDescriptor))
    }

    @Test func refusedConnectsSaySo() throws {
        let listener = try ListenerSocket.open(.tcp(host: "127.0.0.1", port: 0)).get()
        let bound = try #require(Sockets.localAddress(listener))
        Sockets.close(listener)
        switch Sockets.connect(to: .ip(bound)) {
        case .failed(let errno): #expect(errno == .connectionRefused)
        case .connected(let fd):
            Sockets.close(fd)
            Issue.record("nobody listens there")
        case .inProgress(let fd):
            #expect(poll(fd, POLLOUT))
            #expect(Sockets.takeError(fd) == .connectionRefused)
            Sockets.close(fd)
        }
        #expect(Sockets.connect(to: .unix("/tmp/headgate-no-such-socket")) == .failed(.noSuchFile))
        let endless = String(repeating: "x", count: 200)
        #expect(Sockets.connect(to: .unix(endless)) == .failed(Errno(rawValue: ENAMETOOLONG)))
    }

    @Test func unixSocketsKnowTheirPeer() throws {
        let path = temporaryPath("peer")
        let address = ListenAddress.unix(path: path)
        let listener = try ListenerSocket.open(address, unixMode: 0o600).get()
        defer {
            Sockets.close(listener)
            ListenerSocket.removeFile(of: address)
        }
        let client = try descriptor(Sockets.connect(to: .unix(path)))
        defer { Sockets.close(client) }
        let (server, peer) = try accepted(listener)
        defer { Sockets.close(server) }
        #expect(peer == .unix)
        #expect(peer.description == "unix")
        let who = try #require(Sockets.peerCredentials(server))
        #expect(who.pid == getpid() && who.uid == geteuid() && who.gid == getegid())
    }

    @Test func errorsHaveNames() {
        #expect(Errno.connectionReset.name == "ECONNRESET")
        #expect(Errno.connectionReset.description == "Connection reset by peer (ECONNRESET)")
        #expect(Errno(rawValue: 99_999).name == "errno 99999")
    }
}

@Suite struct PeerAddressTests {
    @Test func addressesReadAndWrite() throws {
        #expect(MemoryLayout<PeerAddress>.size <= 24)
        for (text, shown) in [
            ("192.0.2.17", "192.0.2.17:5432"), ("2001:db8::1", "[2001:db8::1]:5432"), ("::", "[::]:5432"),
            ("255.255.255.255", "255.255.255.255:5432"),
        ] {
            let address = try #require(PeerAddress(numeric: text, port: 5432))
            #expect(address.description == shown)
            #expect(address.host == text)
        }
        #expect(PeerAddress(v4: 0x7f00_0001, port: 1).description == "127.0.0.1:1")
        for text in [
            "", "localhost", "1.2.3", "1.2.3.4.5", "::1%nosuchif", "12345::", String(repeating: "1", count: 99),
        ] {
            #expect(PeerAddress(numeric: text, port: 1) == nil)
        }
    }

    @Test(arguments: [
        ("10.1.2.3", "10.0.0.0", 8, true), ("11.1.2.3", "10.0.0.0", 8, false), ("10.1.2.3", "10.1.2.3", 32, true),
        ("10.1.2.3", "10.1.2.2", 32, false), ("10.1.2.3", "0.0.0.0", 0, true), ("10.1.2.3", "::", 0, false),
        ("2001:db8::1", "2001:db8::", 32, true), ("2001:db8::1:0:0:1", "2001:db8::1:0:0:0", 127, true),
        ("2001:db8::1", "2001:db8::2", 128, false), ("2001:db9::1", "2001:db8::", 32, false),
        ("10.1.2.3", "10.0.0.0", 33, false), ("2001:db8::1", "::", 0, true), ("::1", "::2", 64, true),
    ])
    func networksContain(address: String, network: String, prefix: Int, expected: Bool) throws {
        let address = try #require(PeerAddress(numeric: address, port: 0))
        let network = try #require(PeerAddress(numeric: network, port: 0))
        #expect(address.isInside(network, prefix: prefix) == expected)
    }
}

func descriptor(_ result: ConnectResult) throws -> Int32 {
    switch result {
    case .connected(let fd), .inProgress(let fd):
        #expect(poll(fd, POLLOUT))
        return fd
    case .failed(let errno): throw errno
    }
}

func accepted(_ listener: Int32) throws -> (Int32, PeerAddress) {
    #expect(poll(listener))
    guard case .accepted(let fd, let peer) = Sockets.accept(listener) else { throw Errno.wouldBlock }
    return (fd, peer)
}

/// Waits up to five seconds for an event on one descriptor.
func poll(_ fd: Int32, _ events: Int32 = POLLIN) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(events), revents: 0)
    return unsafe Glibc.poll(&entry, 1, 5_000) == 1
}
