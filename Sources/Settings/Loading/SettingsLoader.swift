/// What became of a file: the configuration, if it has no errors, and everything there is to say about it.
public struct LoadResult: Sendable {
    /// The configuration; nil when any problem is an error.
    public var configuration: Configuration?
    /// All problems, in the order of the file.
    public var problems: [Problem]

    /// The problems that are errors.
    public var errors: [Problem] { problems.filter { $0.severity == .error } }
    /// The problems that are not.
    public var warnings: [Problem] { problems.filter { $0.severity == .warning } }
}

/// Reads configurations.
public enum SettingsLoader {
    /// Reads and validates the file at `path`. With `runsCommands`, as for `headgate check`, programs that print
    /// secrets are run to see whether they do, for up to ten seconds each.
    public static func load(
        path: String, environment: SettingsEnvironment = .system, runsCommands: Bool = false
    ) -> LoadResult {
        switch environment.read(path, SettingsEnvironment.largestFile) {
        case .success(let bytes):
            return decode(bytes, file: path, environment: environment, runsCommands: runsCommands)
        case .failure(let failure):
            var log = ProblemLog(file: path)
            log.error(
                .start, "the file cannot be read", failure.reason, "name another with --config FILE or mend this one")
            return LoadResult(configuration: nil, problems: log.sorted)
        }
    }

    /// Validates `text` as if it were the content of `file`.
    public static func decode(
        _ text: [UInt8], file: String, environment: SettingsEnvironment = .system, runsCommands: Bool = false
    ) -> LoadResult {
        var decoder = ConfigurationDecoder(file: file)
        let root: TOMLNode
        do throws(TOMLSyntaxError) {
            root = try TOMLNode.parse(text)
        } catch {
            decoder.log.error(error.position, error.message, "", hint(for: error, in: text))
            return LoadResult(configuration: nil, problems: decoder.log.sorted)
        }
        decoder.decode(root)
        if decoder.configuration.general.nodeID.isEmpty {
            decoder.configuration.general.nodeID = environment.hostName()
        }
        var check = ConfigurationCheck(
            configuration: decoder.configuration, root: root, environment: environment, runsCommands: runsCommands,
            log: decoder.log)
        check.run()
        return LoadResult(
            configuration: check.log.hasErrors ? nil : check.configuration, problems: check.log.sorted)
    }

    /// What to write instead of the most common slip that is not even TOML.
    private static func hint(for error: TOMLSyntaxError, in text: [UInt8]) -> String {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.indices.contains(error.position.line - 1) else { return "" }
        let line = String(decoding: lines[error.position.line - 1], as: UTF8.self)
        if line.hasPrefix("["), let dot = line.range(ofText: ".*]") {
            return "write \(line[..<dot.lowerBound]).\"*\"]"
        }
        if line.utf8.first == UInt8(ascii: ";") { return "write # before a comment" }
        return ""
    }
}

extension StringProtocol {
    /// Where `text` first stands.
    fileprivate func range(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
