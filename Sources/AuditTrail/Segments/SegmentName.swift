/// Names of the files of a trail: `audit-<first sequence, 20 digits>.ndjson`.
enum SegmentName {
    static func name(_ first: UInt64) -> String {
        let digits = String(first)
        return "audit-" + String(repeating: "0", count: max(0, 20 - digits.count)) + digits + ".ndjson"
    }

    /// The first sequence of a file of that name; nil for other files.
    static func first(_ name: String) -> UInt64? {
        guard name.hasPrefix("audit-"), name.hasSuffix(".ndjson") else { return nil }
        let digits = name.dropFirst(6).dropLast(7)
        guard digits.count == 20, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(digits)
    }

    /// Who has the directory.
    static let lock = ".lock"
    /// Blocks kept for when the disk is full.
    static let emergency = ".emergency"
    /// Where `audit cat` notes that it has read.
    static let reads = ".reads"
    /// Whose signatures the checkpoints bear.
    static let keys = "audit-public-keys.pem"

    /// The segments of a directory by their first sequence.
    static func all(in directory: String, _ files: FileSystem) throws(FileError) -> [UInt64] {
        try files.list(directory).compactMap(first).sorted()
    }
}
