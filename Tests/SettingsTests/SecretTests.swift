import Glibc
import Testing

@testable import Settings

@Suite("Secrets")
struct SecretTests {
    private func text(_ source: SecretSource) -> String {
        switch source.resolve() {
        case .success(let bytes): String(decoding: bytes, as: UTF8.self)
        case .failure(let problem): "! \(problem)"
        }
    }

    private func command(_ script: String) -> SecretSource {
        .command(arguments: ["sh", "-c", script], timeToLive: .zero)
    }

    @Test func areNeverPrinted() {
        let secret = SecretText("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for source in [SecretSource.plain(secret), .verifier(secret)] {
            dump(source, to: &dumped)
            dumped += "\(source) \(String(reflecting: source)) \([source])"
        }
        dumped += "\(secret) \(String(reflecting: secret))"
        #expect(!dumped.contains("hunter2"))
        #expect(!dumped.contains("104"))
    }

    @Test func commands() {
        #expect(text(command("echo token")) == "token")
        #expect(text(command("printf 'token\\r\\n'")) == "token")
        #expect(text(command("cat")) == "! command sh: it is empty")
        #expect(text(command("echo token; exit 3")) == "! command sh: it ended with status 3")
        #expect(text(command("echo token; kill -9 $$")) == "! command sh: it was ended by signal 9")
        #expect(text(command("echo a; echo b")) == "! command sh: it has more than one line or a zero byte")
        #expect(text(command("head -c 100000 /dev/zero | tr '\\0' x")) == "! command sh: it printed more than 64KiB")
        #expect(
            text(.command(arguments: ["/no/such/program"], timeToLive: .zero))
                == "! command /no/such/program: No such file or directory")
    }

    @Test func commandsThatHangAreEnded() {
        let result = SystemProgram.run(
            ["sh", "-c", "sleep 60 & sleep 60"], timeout: .milliseconds(100), most: 100)
        guard case .failure(let failure) = result else {
            Issue.record("it should not have ended well")
            return
        }
        #expect(failure.reason == "it took longer than 100ms")
    }

    @Test func files() {
        #expect(text(.file(path: "/no/such/file")) == "! file /no/such/file: No such file or directory")
        #expect(text(.file(path: "/dev/null")) == "! file /dev/null: it is empty")
        #expect(text(.file(path: "/dev/zero")) == "! file /dev/zero: it is larger than 64KiB")
        #expect(
            text(.environment(name: "HEADGATE_NO_SUCH")) == "! environment variable HEADGATE_NO_SUCH: it is not set")
    }

    @Test func whatTheFileSystemSays() throws {
        let root = try SettingsEnvironment.system.facts("/").get()
        #expect(root.isDirectory && root.isReadable)
        let null = try SettingsEnvironment.system.facts("/dev/null").get()
        #expect(!null.isDirectory && null.isWritable && null.mode == 0o666)
        #expect(throws: AccessFailure("No such file or directory")) {
            try SettingsEnvironment.system.facts("/no/such").get()
        }
        #expect(!SettingsEnvironment.system.hostName().isEmpty)
    }

    @Test func ofAConfiguration() throws {
        let c = try #require(load(EveryKeyTests.everything).configuration)
        let resolved = c.resolveSecrets(environment: calm)
        #expect(resolved.users == ["checkout": SecretText("secret")])
        #expect(resolved.servers == ["checkout": SecretText("secret")])
        #expect(resolved.monitors == ["shop": SecretText("secret")])
        #expect(resolved.timeToLive == .seconds(600))
        #expect(resolved.problems.isEmpty)
    }

    @Test func secretsOthersCanReadAreDoubtful() {
        var open = calm
        open.facts = { _ in .success(FileFacts(isDirectory: false, mode: 0o644, isReadable: true, isWritable: true)) }
        let found = problems(sound + "[user.a]\npassword = { file = \"/run/secrets/a\" }\n", in: open)
        #expect(
            found.contains(
                #"t.toml:5:21: warning: password "/run/secrets/a" can be read by everybody, it holds a secret, write chmod o-r /run/secrets/a"#
            ))
    }
}
