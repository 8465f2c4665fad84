internal import Glibc

/// Why a file or secret could not be had; never with its content.
public struct AccessFailure: Error, Sendable, Hashable {
    /// For people: "No such file or directory".
    public var reason: String

    /// A failure for this reason.
    public init(_ reason: String) { self.reason = reason }
}

/// What a file system says of a path.
public struct FileFacts: Sendable, Hashable {
    /// Whether it is a directory.
    public var isDirectory: Bool
    /// Its permission bits.
    public var mode: UInt32
    /// Whether this process may read it.
    public var isReadable: Bool
    /// Whether this process may write it.
    public var isWritable: Bool

    /// Facts of a file, for tests.
    public init(isDirectory: Bool, mode: UInt32, isReadable: Bool, isWritable: Bool) {
        self.isDirectory = isDirectory
        self.mode = mode
        self.isReadable = isReadable
        self.isWritable = isWritable
    }
}

/// What loading a configuration needs from the outside; tests hand in their own.
public struct SettingsEnvironment: Sendable {
    /// Reads a file of at most so many bytes.
    public var read: @Sendable (_ path: String, _ most: Int) -> Result<[UInt8], AccessFailure>
    /// The names in a directory.
    public var list: @Sendable (_ path: String) -> Result<[String], AccessFailure>
    /// What is at a path.
    public var facts: @Sendable (_ path: String) -> Result<FileFacts, AccessFailure>
    /// The value of an environment variable.
    public var variable: @Sendable (_ name: String) -> [UInt8]?
    /// The name of this host.
    public var hostName: @Sendable () -> String
    /// The output of a program: at most so many bytes within the time.
    public var run:
        @Sendable (_ arguments: [String], _ timeout: TimeSpan, _ most: Int) -> Result<[UInt8], AccessFailure>

    /// The time in seconds since 1970.
    public var now: @Sendable () -> Int64
    /// Whether what certificates and keys hold is looked at; otherwise that they are there.
    public var readsCertificates: Bool

    /// An environment of these functions.
    public init(
        read: @escaping @Sendable (String, Int) -> Result<[UInt8], AccessFailure>,
        facts: @escaping @Sendable (String) -> Result<FileFacts, AccessFailure>,
        variable: @escaping @Sendable (String) -> [UInt8]?,
        hostName: @escaping @Sendable () -> String,
        run: @escaping @Sendable ([String], TimeSpan, Int) -> Result<[UInt8], AccessFailure>,
        now: @escaping @Sendable () -> Int64,
        readsCertificates: Bool = true,
        list: @escaping @Sendable (String) -> Result<[String], AccessFailure> = { _ in
            .failure(AccessFailure("No such file or directory"))
        }
    ) {
        self.list = list
        self.read = read
        self.facts = facts
        self.variable = variable
        self.hostName = hostName
        self.run = run
        self.now = now
        self.readsCertificates = readsCertificates
    }

    /// The largest configuration file that is read.
    static let largestFile = 16 << 20

    /// The machine this process runs on.
    public static let system = SettingsEnvironment(
        read: SystemFiles.read, facts: SystemFiles.facts,
        variable: { name in
            guard let value = unsafe getenv(name) else { return nil }
            return unsafe Array(UnsafeBufferPointer(start: value, count: strlen(value))).map(UInt8.init(bitPattern:))
        },
        hostName: SystemFiles.hostName,
        run: { arguments, timeout, most in SystemProgram.run(arguments, timeout: timeout, most: most) },
        now: { Int64(time(nil)) }, list: SystemFiles.list)
}

/// The file system of this machine.
enum SystemFiles {
    static func read(_ path: String, most: Int) -> Result<[UInt8], AccessFailure> {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(lastFailure()) }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return .success(result) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(lastFailure())
            }
            result.append(contentsOf: chunk.prefix(count))
            if result.count > most { return .failure(AccessFailure("it is larger than \(ByteSize(bytes: most))")) }
        }
    }

    static func facts(_ path: String) -> Result<FileFacts, AccessFailure> {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return .failure(lastFailure()) }
        return .success(
            FileFacts(
                isDirectory: status.st_mode & S_IFMT == S_IFDIR, mode: status.st_mode & 0o7777,
                isReadable: unsafe access(path, R_OK) == 0, isWritable: unsafe access(path, W_OK) == 0))
    }

    static func list(_ path: String) -> Result<[String], AccessFailure> {
        guard let directory = unsafe opendir(path) else { return .failure(lastFailure()) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return .success(names)
    }

    static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        let result = unsafe name.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return Int32(-1) }
            return unsafe gethostname(start, buffer.count - 1)
        }
        return result == 0 ? string(name) : "headgate"
    }

    /// The reason errno gives.
    static func lastFailure(_ number: Int32 = errno) -> AccessFailure {
        var text = [CChar](repeating: 0, count: 256)
        let result = unsafe text.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return Int32(-1) }
            return unsafe strerror_r(number, start, buffer.count)
        }
        return AccessFailure(result == 0 ? string(text) : "error \(number)")
    }

    /// The text up to the first NUL.
    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
