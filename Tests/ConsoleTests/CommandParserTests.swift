import PostgresWire
import Proxy
import Testing

@testable import Console

@Suite struct CommandParserTests {
    private func parse(_ text: String) -> [Command]? {
        switch CommandParser.parse(text, user: "dba") {
        case .success(let commands): commands
        case .failure: nil
        }
    }

    @Test(arguments: [
        "SHOW POOLS", "show pools;", "  Show\tPools ; ", "SELECT * FROM pools", "SELECT pools", "show \"pools\"",
        "-- what is there?\nshow pools", "/* exporter */ SHOW POOLS;;",
    ])
    func tablesHaveManyNames(_ text: String) { #expect(parse(text) == [.show("pools")]) }

    @Test func everyTableCanBeShown() {
        for name in ShowTables.all.keys { #expect(parse("SHOW \(name)") == [.show(name)]) }
    }

    @Test(arguments: [
        ("PAUSE", Command.pause(.all)), ("pause shop", .pause(.database("shop"))),
        ("PAUSE \"My \"\"Shop\"\"\"", .pause(.database("My \"Shop\""))), ("RESUME", .resume(.all)),
        ("DISABLE shop", .disable("shop")), ("ENABLE shop", .enable("shop")), ("RECONNECT", .reconnect(.all)),
        ("KILL shop;", .kill(.database("shop"))), ("KILL_CLIENT 12", .killClient("12")), ("RELOAD", .reload),
        ("SHUTDOWN", .shutdown(.immediate)), ("SHUTDOWN WAIT_FOR_SERVERS", .shutdown(.waitForServers)),
        ("shutdown wait_for_clients", .shutdown(.waitForClients)), ("WAIT_CLOSE", .waitClose(.all)),
        ("SHOW HELP", .help), ("SUSPEND", .suspend),
    ])
    func administrativeCommands(_ text: String, _ command: Command) { #expect(parse(text) == [command]) }

    @Test(arguments: [
        ("SET default_pool_size = 5", "default_pool_size", "5"), ("set log_level to 'debug'", "log_level", "debug"),
        ("SET query_timeout=1.5", "query_timeout", "1.5"),
        ("SET server_check_query = 'select 1'", "server_check_query", "select 1"),
    ])
    func settings(_ text: String, _ key: String, _ value: String) {
        #expect(parse(text) == [.set(key: key, value: value)])
    }

    @Test(arguments: [
        "SET client_encoding TO 'UTF8'", "SET DateStyle = ISO, MDY", "set extra_float_digits = 3",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET application_name = 'psql'", "SET TIME ZONE 'UTC'",
    ])
    func whatDriversSetIsIgnored(_ text: String) {
        #expect(parse(text) == [.ignore(tag: "SET", notice: "SET ignored")])
    }

    @Test func whatDriversAsk() {
        #expect(parse("SELECT 1") == [.answer([Column("?column?", .int4)], ["1"])])
        #expect(parse("select version()") == [.answer([Column("version", .text)], [Product.versionText])])
        #expect(parse("SHOW client_encoding") == [.answer([Column("client_encoding", .text)], ["UTF-8"])])
        #expect(
            parse("select current_user AS me, current_database()")
                == [.answer([Column("me", .text), Column("current_database", .text)], ["dba", "headgate"])])
        #expect(parse("BEGIN; COMMIT")?.count == 2)
        #expect(parse(" ; ") == [])
    }

    @Test(arguments: [
        "SHOW nonsense", "DROP TABLE x", "PAUSE a b", "SELECT * FROM users, pools", "SET", "SET x", "SHOW 'pools",
        "SELECT (", "KILL_CLIENT", "DISABLE", "SHUTDOWN later", "RELOAD now", "\"", "SELECT as", "SELECT version() AS",
    ])
    func everythingElseIsRefused(_ text: String) { #expect(parse(text) == nil) }

    @Test func refusalNamesTheCommand() {
        guard case .failure(let error) = CommandParser.parse("FLY", user: "") else { return #expect(Bool(false)) }
        #expect(error == PostgresError(.error, "08P01", "invalid command 'FLY', use SHOW HELP;"))
    }
}
