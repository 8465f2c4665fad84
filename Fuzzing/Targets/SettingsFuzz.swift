import Settings

/// There is a configuration exactly when there is no error, and every problem has a place and words.
enum SettingsFuzz {
    /// Files that are there and secrets that are known: what is wrong is the text.
    private static let calm = SettingsEnvironment(
        read: { _, _ in .success(Array("secret\n".utf8)) },
        facts: { _ in .success(FileFacts(isDirectory: false, mode: 0o600, isReadable: true, isWritable: true)) },
        variable: { _ in Array("secret".utf8) }, hostName: { "host" },
        run: { _, _, _ in .success(Array("secret\n".utf8)) }, now: { 0 }, readsCertificates: false)

    static func run(_ input: [UInt8]) -> String? {
        let result = SettingsLoader.decode(input, file: "fuzz.toml", environment: calm)
        if (result.configuration == nil) != !result.errors.isEmpty {
            return "errors do not say if it is a configuration"
        }
        for problem in result.problems where problem.line < 1 || problem.column < 1 || problem.message.isEmpty {
            return "a problem without a place or words"
        }
        return nil
    }
}
