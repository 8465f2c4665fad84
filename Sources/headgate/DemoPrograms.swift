import Glibc

/// The database programs of this machine a demo starts.
struct DemoPrograms {
    /// PostgreSQL's; nil where they are not installed.
    let postgres: Postgres?
    /// MariaDB's; nil where they are not installed.
    let mariadb: MariaDB?
    /// What is not installed and which package has it, each in a sentence.
    let missing: [String]

    /// Paths of PostgreSQL's programs.
    struct Postgres {
        /// Where they are.
        let directory: String

        func path(_ program: String) -> String { "\(directory)/\(program)" }
    }

    /// Paths of MariaDB's programs.
    struct MariaDB {
        let server: String
        let install: String
        let client: String
    }

    /// Finds what there is.
    static func find() -> DemoPrograms {
        var missing: [String] = []
        func found<Programs>(_ result: Result<Programs, Missing>) -> Programs? {
            switch result {
            case .success(let programs): return programs
            case .failure(let failure):
                missing.append(failure.text)
                return nil
            }
        }
        let postgres = found(findPostgres())
        let mariadb = found(findMariaDB())
        return DemoPrograms(postgres: postgres, mariadb: mariadb, missing: missing)
    }

    private struct Missing: Error { let text: String }

    private static var searchPath: [String] { environmentValue("PATH").split(separator: ":").map { String($0) } }

    private static func isProgram(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    /// The newest version Debian's packages installed, else what PATH has.
    private static func findPostgres() -> Result<Postgres, Missing> {
        let needed = ["postgres", "initdb", "pg_basebackup", "psql"]
        let root = "/usr/lib/postgresql"
        let versions = DemoDirectory.entries(of: root).compactMap { Int($0) }.sorted(by: >)
        var missing = needed[0]
        for directory in versions.map({ "\(root)/\($0)/bin" }) + searchPath {
            let absent = needed.filter { !isProgram("\(directory)/\($0)") }
            if absent.isEmpty { return .success(Postgres(directory: directory)) }
            if let first = absent.first, first != needed.first { missing = first }
        }
        return .failure(
            Missing(
                text: """
                    PostgreSQL's server programs are not installed (no \(missing) in \(root)/*/bin or PATH)
                      on Debian and Ubuntu: apt-get install postgresql
                    """))
    }

    /// What PATH has, and the directories for servers, which are not in everybody's.
    private static func findMariaDB() -> Result<MariaDB, Missing> {
        let directories = searchPath + ["/usr/sbin", "/usr/local/sbin", "/usr/libexec"]
        func path(_ program: String) -> Result<String, Missing> {
            if let found = directories.map({ "\($0)/\(program)" }).first(where: isProgram) { return .success(found) }
            return .failure(
                Missing(
                    text: """
                        MariaDB's programs are not installed (no \(program) in PATH or /usr/sbin)
                          on Debian and Ubuntu: apt-get install mariadb-server
                        """))
        }
        return path("mariadbd").flatMap { server in
            path("mariadb-install-db").flatMap { install in
                path("mariadb").map { MariaDB(server: server, install: install, client: $0) }
            }
        }
    }
}

/// A variable of our environment; empty without one.
func environmentValue(_ name: String) -> String {
    guard let value = unsafe getenv(name) else { return "" }
    return unsafe String(cString: value)
}
