import CLinux

/// A failed system call.
struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The number, positive.
    let number: Int32
    /// What was to be done, with the file's name.
    let action: String

    static let noSpace: Int32 = 28, quota: Int32 = 122, readOnly: Int32 = 30, inputOutput: Int32 = 5
    static let exists: Int32 = 17, missing: Int32 = 2, busy: Int32 = 11

    init(_ result: Int, _ action: String) {
        number = Int32(clamping: -result)
        self.action = action
    }

    var description: String {
        let text = unsafe headgate_errno_text(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        return "cannot \(action): \(text)"
    }

    /// Why records are refused meanwhile.
    var refusal: AuditRefusal {
        switch number {
        case Self.noSpace, Self.quota: .diskFull
        case Self.readOnly, 1, 13: .readOnly
        default: .ioError
        }
    }
}

/// What is known of a file.
struct FileFacts: Equatable, Sendable {
    var size: Int64
    /// Seconds since 1970.
    var modified: Int64
    /// Which file it is, whatever its name.
    var inode: UInt64
}

/// The file system, as the audit trail uses it. Tests put faults in by subclassing; everything else uses `FileSystem()`.
///
/// Descriptors are plain numbers, closed by whoever opened them. Any thread.
class FileSystem: @unchecked Sendable {
    // Safe to share: it holds nothing.
    init() {}

    enum Access: Int32 {
        case read, append, appendNew, new, lock
    }

    /// A descriptor. A file that is made has the permissions of `mode`.
    func open(_ path: String, _ access: Access, mode: UInt32 = 0o640) throws(FileError) -> Int32 {
        let fd = unsafe headgate_file_open(path, access.rawValue, mode)
        if fd < 0 { throw FileError(Int(fd), "open \(path)") }
        return fd
    }

    func close(_ fd: Int32) { if fd >= 0 { _ = headgate_close(fd) } }

    /// All of it, or an error; then some of it may be in the file.
    func write(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
        let result = unsafe headgate_file_write(fd, bytes.baseAddress, bytes.count)
        if result < 0 { throw FileError(result, "write an audit file") }
    }

    func sync(_ fd: Int32) throws(FileError) {
        let result = headgate_file_sync(fd)
        if result < 0 { throw FileError(Int(result), "sync an audit file") }
    }

    func truncate(_ fd: Int32, to size: Int64) throws(FileError) {
        let result = headgate_file_truncate(fd, size)
        if result < 0 { throw FileError(Int(result), "shorten an audit file") }
    }

    func reserve(_ fd: Int32, _ size: Int64) throws(FileError) {
        let result = headgate_file_reserve(fd, size)
        if result < 0 { throw FileError(Int(result), "reserve space") }
    }

    /// Bytes that may still be written below `path`.
    func space(_ path: String) throws(FileError) -> Int64 {
        var available: Int64 = 0
        var total: Int64 = 0
        let result = unsafe headgate_space(path, &available, &total)
        if result < 0 { throw FileError(Int(result), "ask for the free space of \(path)") }
        return available
    }

    final func syncDirectory(_ path: String) throws(FileError) {
        let result = unsafe headgate_directory_sync(path)
        if result < 0 { throw FileError(Int(result), "sync \(path)") }
    }

    func rename(_ from: String, _ to: String) throws(FileError) {
        let result = unsafe headgate_file_rename(from, to)
        if result < 0 { throw FileError(Int(result), "rename \(from)") }
    }

    final func remove(_ path: String) throws(FileError) {
        let result = unsafe headgate_file_remove(path)
        if result < 0 { throw FileError(Int(result), "remove \(path)") }
    }

    /// Makes a directory and those above it; one that is there is good.
    final func makeDirectory(_ path: String) throws(FileError) {
        let result = unsafe headgate_directory_make(path, 0o750)
        if result >= 0 || -result == FileError.exists { return }
        if -result == FileError.missing, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectory(String(path[..<slash]))
            let again = unsafe headgate_directory_make(path, 0o750)
            if again >= 0 || -again == FileError.exists { return }
        }
        throw FileError(Int(result), "make \(path)")
    }

    final func facts(_ path: String) throws(FileError) -> FileFacts {
        var facts = FileFacts(size: 0, modified: 0, inode: 0)
        var allocated: Int64 = 0
        let result = unsafe headgate_file_facts(path, &facts.size, &facts.modified, &allocated, &facts.inode)
        if result < 0 { throw FileError(Int(result), "look at \(path)") }
        return facts
    }

    /// Whether nobody else has the lock; it is held until the descriptor is closed.
    final func lock(_ fd: Int32) -> Bool { headgate_file_lock(fd) == 0 }

    /// The names in a directory.
    final func list(_ path: String) throws(FileError) -> [String] {
        final class Names { var all: [String] = [] }
        let names = Names()
        let result = unsafe headgate_directory_list(path, Unmanaged.passUnretained(names).toOpaque()) { context, name in
            guard let context = unsafe context, let name = unsafe name else { return }
            unsafe Unmanaged<Names>.fromOpaque(context).takeUnretainedValue().all.append(String(cString: name))
        }
        if result < 0 { throw FileError(Int(result), "read \(path)") }
        return names.all
    }

    /// Up to `count` bytes from `offset` on; fewer at the end.
    final func read(_ fd: Int32, _ count: Int, at offset: Int64) throws(FileError) -> [UInt8] {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(count, 0)) { room, filled in
            let result = unsafe headgate_file_read(fd, room.baseAddress, room.count, offset)
            failure = min(result, 0)
            filled = max(result, 0)
        }
        if failure < 0 { throw FileError(failure, "read an audit file") }
        return bytes
    }

    /// The whole of a small file.
    final func contents(_ path: String, most: Int = 1 << 20) throws(FileError) -> [UInt8] {
        let fd = try open(path, .read)
        defer { close(fd) }
        var all: [UInt8] = []
        while all.count < most {
            let more = try read(fd, min(65_536, most - all.count), at: Int64(all.count))
            if more.isEmpty { break }
            all += more
        }
        return all
    }

    /// Puts a small file in place of what was there, in one step, and on the disk.
    final func replace(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o640) throws(FileError) {
        let temporary = path + ".new"
        _ = try? remove(temporary)
        let fd = try open(temporary, .new, mode: mode)
        defer { close(fd) }
        try write(fd, bytes)
        try sync(fd)
        try rename(temporary, path)
    }

    final func write(_ fd: Int32, _ bytes: [UInt8]) throws(FileError) {
        var failure: FileError?
        unsafe bytes.withUnsafeBytes { bytes in
            do throws(FileError) { try unsafe write(fd, bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// What the machine is called.
    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe headgate_host_name(&name, name.count) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
