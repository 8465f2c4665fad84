internal import Glibc

/// Runs a program for its output.
enum SystemProgram {
    static func run(_ arguments: [String], timeout: TimeSpan, most: Int) -> Result<[UInt8], AccessFailure> {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return .failure(SystemFiles.lastFailure()) }
        let (reading, writing) = (ends[0], ends[1])
        // Glibc's module has no pipe2; a child another thread starts right now costs no more than the timeout.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(reading) }
        let spawned = spawn(arguments, output: writing)
        close(writing)
        let child: pid_t
        switch spawned {
        case .success(let pid): child = pid
        case .failure(let failure): return .failure(failure)
        }
        let output = collect(reading, within: timeout, most: most)
        // The whole group goes, whether it is done or not: nothing it started may outlive it.
        if case .failure = output { kill(-child, SIGKILL) }
        switch (output, wait(for: child)) {
        case (.failure(let failure), _): return .failure(failure)
        case (.success, .failure(let failure)): return .failure(failure)
        case (.success(let bytes), .success): return .success(bytes)
        }
    }

    /// Starts the program in a process group of its own, with no input, default signals and `output` as its output.
    private static func spawn(_ arguments: [String], output: Int32) -> Result<pid_t, AccessFailure> {
        guard let program = arguments.first else { return .failure(AccessFailure("the command is empty")) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))

        var argv = unsafe arguments.map { unsafe strdup($0) }
        unsafe argv.append(nil)
        defer { unsafe argv.forEach { unsafe free($0) } }
        var child: pid_t = 0
        let result = unsafe posix_spawnp(&child, program, &actions, &attributes, argv, environ)
        return result == 0 ? .success(child) : .failure(SystemFiles.lastFailure(result))
    }

    /// All bytes until the other side closes.
    private static func collect(
        _ descriptor: Int32, within timeout: TimeSpan, most: Int
    ) -> Result<[UInt8], AccessFailure> {
        let deadline = now() + timeout.microseconds
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let left = deadline - now()
            guard left > 0 else { return .failure(AccessFailure("it took longer than \(timeout)")) }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&waiting, 1, Int32(clamping: left / 1_000 + 1))
            if ready < 0, errno != EINTR { return .failure(SystemFiles.lastFailure()) }
            if ready <= 0 { continue }
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return .success(result) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(SystemFiles.lastFailure())
            }
            result.append(contentsOf: chunk.prefix(count))
            if result.count > most {
                return .failure(AccessFailure("it printed more than \(ByteSize(bytes: most))"))
            }
        }
    }

    /// Waits until the child is gone; it closed its output or was killed, so that is soon.
    private static func wait(for child: pid_t) -> Result<Void, AccessFailure> {
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0 {
            if errno != EINTR { return .failure(SystemFiles.lastFailure()) }
        }
        let signal = status & 0x7f
        let code = (status >> 8) & 0xff
        if signal != 0 { return .failure(AccessFailure("it was ended by signal \(signal)")) }
        return code == 0 ? .success(()) : .failure(AccessFailure("it ended with status \(code)"))
    }

    private static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
