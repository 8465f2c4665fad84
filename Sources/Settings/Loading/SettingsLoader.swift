/// What became of a file: the configuration, if it has no errors, and everything there is to say about it.
public struct LoadResult: Sendable {
    /// The configuration; nil when any problem is an error.
    public var configuration: Configuration?
    /// All problems, in the order of the file.
    public var problems: [Problem]

    /// The problems that are errors.
    public var errors: [Problem] { problems.filter { $0.severity == .error } }
}

/// Reads configurations.
public enum SettingsLoader {
    /// Reads and validates the file at `path`.
    public static func load(path: String, environment: SettingsEnvironment = .system) -> LoadResult {
        switch environment.read(path, SettingsEnvironment.largestFile) {
        case .success(let bytes): return decode(bytes, file: path, environment: environment)
        case .failure(let failure):
            let problem = Problem(
                file: path, position: .start, severity: .error,
                message: "the file cannot be read, \(failure.reason), name another with --config FILE or mend this one")
            return LoadResult(configuration: nil, problems: [problem])
        }
    }

    /// Validates `text` as if it were the content of `file`.
    public static func decode(
        _ text: [UInt8], file: String, environment: SettingsEnvironment = .system
    ) -> LoadResult {
        var decoder = ConfigurationDecoder(file: file)
        do throws(TOMLSyntaxError) {
            let root = try TOMLNode.parse(text)
            decoder.decode(root)
        } catch {
            decoder.log.error(error.position, error.message)
        }
        return LoadResult(
            configuration: decoder.log.hasErrors ? nil : decoder.configuration, problems: decoder.log.sorted)
    }
}
