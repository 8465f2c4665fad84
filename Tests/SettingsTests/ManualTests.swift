import Glibc
import Testing

@testable import Settings

/// docs/configuration.md says of every setting what the code says of it.
///
/// After a change of settings: `UPDATE_MANUAL=1 swift test --filter ManualTests`, and read what has changed.
@Suite struct ManualTests {
    private static let path = beside("../../docs/configuration.md")
    private static let mark =
        "<!-- From here on generated from Sources/Settings by Tests/SettingsTests/ManualTests. -->\n"

    @Test func manualHasEverySetting() throws {
        let read = SettingsEnvironment.system.read(Self.path, 1 << 20)
        let text = String(decoding: try read.get(), as: UTF8.self)
        let written = String(try #require(text.split(separator: Self.mark, maxSplits: 1).first, "the mark is gone"))
        let wanted = written + Self.mark + Self.reference()
        if unsafe getenv("UPDATE_MANUAL") != nil {
            write(wanted)
        } else {
            #expect(
                text == wanted,
                "docs/configuration.md is not up to date: UPDATE_MANUAL=1 swift test --filter ManualTests")
        }
        for setting in SettingReference.all { #expect(wanted.contains("`\(setting.key)`"), "\(setting.key)") }
    }

    private func write(_ text: String) {
        guard let file = unsafe fopen(Self.path, "w") else { return }
        _ = unsafe text.withCString { unsafe fputs($0, file) }
        unsafe fclose(file)
    }

    /// A table for each section.
    private static func reference() -> String {
        var result = ""
        var section = ""
        for setting in SettingReference.all {
            if setting.section != section {
                section = setting.section
                result += "\n## \(section)\n\n| key | value | default | what it does |\n| --- | --- | --- | --- |\n"
            }
            let value = cell(setting.expects)
            let byDefault =
                setting.isRequired ? "required" : setting.defaultText.isEmpty ? "" : "`\(cell(setting.defaultText))`"
            let change = setting.change == .restart ? " Takes effect at a restart." : ""
            result += "| `\(setting.key)` | \(value) | \(byDefault) | \(cell(setting.summary))\(change) |\n"
        }
        return result
    }

    /// Text that does not end its cell.
    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
