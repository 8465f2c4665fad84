import ByteKit
import Credentials

/// What a directory of segments ends with, and what had to be mended.
struct Recovered: Equatable {
    var state = ChainState()
    /// Of the newest segment; nil in an empty directory.
    var stream: String?
    /// The key whose checkpoints end it.
    var keyID: String?
    /// The newest segment ends with its footer: whoever wrote it stopped in order.
    var wasClosed = true
    /// Bytes behind the last whole record, which were cut off.
    var cutBytes = 0
    /// Whole lines among them: more than an interrupted write leaves. They are kept in `damaged`.
    var cutLines = 0
    /// The file what was cut off was moved to.
    var damaged: String?
}

/// Finds the end of the chain when the proxy starts, and cuts off what a crash has left behind it.
enum SegmentRecovery {
    static func run(_ directory: String, _ files: FileSystem) throws(FileError) -> Recovered {
        var firsts = try SegmentName.all(in: directory, files)
        var recovered = Recovered()
        while let first = firsts.popLast() {
            let path = directory + "/" + SegmentName.name(first)
            let found = try last(path, files)
            if found.cut > 0 { try cut(path, at: found.end, found, files, &recovered) }
            guard let seal = found.seal else {
                // Not one record in it: as if it had not been there.
                try files.remove(path)
                recovered.wasClosed = false
                continue
            }
            recovered.state = ChainState(sequence: seal.sequence, hash: seal.hash)
            recovered.stream = found.stream
            recovered.keyID = found.keyID
            if !found.isClosed { recovered.wasClosed = false }
            return recovered
        }
        return recovered
    }

    private struct Found {
        var seal: RecordSeal?
        var stream: String?
        var keyID: String?
        var isClosed = false
        /// Where the good part ends, and how much stands behind it.
        var end: Int64 = 0
        var cut: Int64 = 0
        var cutLines = 0
    }

    /// The last record of a file that is chained to those before it.
    private static func last(_ path: String, _ files: FileSystem) throws(FileError) -> Found {
        var found = Found()
        let size = try files.facts(path).size
        var reader = try LineReader(path, files, to: size)
        while let line = try reader.next() {
            let isGood = line.withSpan { span -> Bool in
                guard let seal = RecordSeal(span) else { return false }
                if let before = found.seal, seal.previous != before.hash || seal.sequence != before.sequence &+ 1 {
                    return false
                }
                guard seal.isHash(of: span, behind: seal.previous) else { return false }
                found.seal = seal
                return true
            }
            guard isGood else {
                found.cutLines = 1
                while try reader.next() != nil { found.cutLines += 1 }
                break
            }
            found.end = reader.offset
            note(line, &found)
        }
        found.cut = size &- found.end
        return found
    }

    private static func note(_ line: [UInt8], _ found: inout Found) {
        func has(_ text: String) -> Bool { line.firstRange(of: Array(text.utf8)) != nil }
        found.isClosed = has(#""action":"audit.segment.end""#)
        guard has(#""action":"audit.segment.start""#) || has(#""action":"audit.checkpoint""#),
            let value = line.withSpan({ JSONValue($0) })
        else { return }
        found.stream = value["headgate.stream.id"]?.text ?? found.stream
        found.keyID =
            value["headgate.checkpoint.key_id"]?.text ?? value["headgate.segment.key_id"]?.text ?? found.keyID
    }

    /// Moves what stands behind `end` to a file of its own where it is more than an unfinished line, and cuts it off.
    private static func cut(
        _ path: String, at end: Int64, _ found: Found, _ files: FileSystem, _ recovered: inout Recovered
    ) throws(FileError) {
        recovered.cutBytes += Int(clamping: found.cut)
        recovered.cutLines += found.cutLines
        if found.cutLines > 0 {
            let target = path + ".damaged"
            let from = try files.open(path, .read)
            defer { files.close(from) }
            let to = try files.open(target, .appendNew)
            defer { files.close(to) }
            var at = end
            while true {
                let bytes = try files.read(from, 1 << 20, at: at)
                if bytes.isEmpty { break }
                try files.write(to, bytes)
                at &+= Int64(bytes.count)
            }
            try files.sync(to)
            recovered.damaged = target
        }
        let fd = try files.open(path, .append)
        defer { files.close(fd) }
        try files.truncate(fd, to: end)
        try files.sync(fd)
    }
}
