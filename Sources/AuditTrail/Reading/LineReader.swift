import ByteKit

/// Reads a file line by line, from a place of the caller's choice. A line longer than 16 MiB counts as its end.
struct LineReader: ~Copyable {
    private let files: FileSystem
    private let fd: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where in the file the next line begins.
    private(set) var offset: Int64
    /// Nothing is read from here on.
    var end: Int64

    static let longest = 16 << 20

    /// A reader of the file at `path`, which it opens and closes.
    init(_ path: String, _ files: FileSystem, from offset: Int64 = 0, to end: Int64 = .max) throws(FileError) {
        self.files = files
        self.offset = offset
        self.end = end
        fd = try files.open(path, .read)
    }

    deinit { files.close(fd) }

    /// The next whole line without its newline; nil where there is none (yet).
    mutating func next() throws(FileError) -> [UInt8]? {
        var from = start
        while true {
            if let newline = buffer[from...].firstIndex(of: 0x0A) {
                let line = Array(buffer[start..<newline])
                offset &+= Int64(newline &+ 1 &- start)
                start = newline &+ 1
                return line
            }
            let searched = buffer.count &- start
            guard try more() else { return nil }
            from = start &+ searched
        }
    }

    /// What stands behind the last whole line.
    var rest: Int { buffer.count &- start }

    /// The bytes behind the last whole line that were read.
    var restBytes: [UInt8] { Array(buffer[start...]) }

    private mutating func more() throws(FileError) -> Bool {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        guard buffer.count < Self.longest else { return false }
        let at = offset &+ Int64(buffer.count)
        let count = Int(min(Int64(1 << 18), end &- at))
        guard count > 0 else { return false }
        let bytes = try files.read(fd, count, at: at)
        buffer += bytes
        return !bytes.isEmpty
    }
}
