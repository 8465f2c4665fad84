import Testing

@testable import Sessions

@Suite("From one client's settings to another's")
struct ProfileTableTests {
    private let table = ProfileTable()

    private func profile(_ settings: (String, String)...) -> SettingsProfile {
        table.intern(settings.map { SettingEntry(name: $0.0, replay: SettingText.assignment($0.0, $0.1)) })
    }

    private func replay(_ from: SettingsProfile, _ to: SettingsProfile) -> String {
        String(decoding: table.replay(from: from, to: to), as: UTF8.self)
    }

    @Test("equal settings are one object, in whatever order they were made")
    func interned() {
        #expect(profile(("a", "1"), ("b", "2")) === profile(("b", "2"), ("a", "1")))
        #expect(profile() === table.empty)
        #expect(table.removing("a", from: profile(("a", "1"))) === table.empty)
    }

    @Test("only what differs is said")
    func differences() {
        #expect(replay(table.empty, table.empty) == "")
        #expect(replay(table.empty, profile(("work_mem", "1MB"))) == #"SET "work_mem" TO '1MB'"#)
        #expect(replay(profile(("work_mem", "1MB")), table.empty) == #"RESET "work_mem""#)
        #expect(
            replay(profile(("a", "1"), ("b", "2")), profile(("b", "3"), ("c", "4")))
                == #"RESET "a";SET "b" TO '3';SET "c" TO '4'"#)
        #expect(
            replay(table.empty, profile(("search_path", "a, b")))
                == "SELECT pg_catalog.set_config('search_path','a, b',false)")
    }

    @Test("identity goes back first and comes last")
    func identity() {
        #expect(
            replay(profile(("role", "x"), ("a", "1")), profile(("role", "y"), ("b", "2")))
                == #"RESET ROLE;RESET "a";SET "b" TO '2';SET "role" TO 'y'"#)
    }

    @Test("quotes, backslashes and NULs in values")
    func quoting() {
        #expect(String(decoding: SettingText.literal("a'b"), as: UTF8.self) == "'a''b'")
        #expect(String(decoding: SettingText.literal(#"a\b'"#), as: UTF8.self) == #" E'a\\b'''"#)
        #expect(String(decoding: SettingText.literal("a\u{0}b"), as: UTF8.self) == "'ab'")
        #expect(String(decoding: SettingText.name(#"a"b.c"#), as: UTF8.self) == #""a""b"."c""#)
    }
}
