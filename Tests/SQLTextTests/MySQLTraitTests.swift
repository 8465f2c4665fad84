import ByteKit
import Testing

@testable import SQLText

@Suite struct MySQLTraitTests {
    private func traits(_ text: String) -> StatementTraits {
        facts(text, .mysql).statements.reduce(into: []) { $0.formUnion($1.traits) }
    }

    @Test func whatAStatementAsksOfTheOneBefore() {
        let cases: [(String, StatementTraits)] = [
            ("SELECT 1", []), ("SELECT a FROM t WHERE b = 'FOUND_ROWS()'", []), ("INSERT INTO t VALUES (1)", []),
            ("SHOW WARNINGS", [.readsDiagnostics, .showsOne]), ("SHOW COUNT(*) ERRORS", .readsDiagnostics),
            ("show warnings limit 5", [.readsDiagnostics, .showsOne]), ("SHOW CREATE TABLE t", .showsOne),
            ("GET DIAGNOSTICS @a = NUMBER", [.readsDiagnostics, .usesUserVariables]),
            ("SELECT @@warning_count", .readsDiagnostics), ("SELECT @@session.error_count", .readsDiagnostics),
            ("SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1", .countsFoundRows),
            ("SELECT FOUND_ROWS()", .readsFoundRows), ("SELECT /* x */ row_count ( )", .readsRowCount),
            ("SELECT LAST_INSERT_ID() FROM DUAL", .readsLastInsertID), ("SELECT @@identity", .readsLastInsertID),
            ("UPDATE t SET a = LAST_INSERT_ID(a + 1)", .readsLastInsertID),
            ("INSERT INTO t VALUES (LAST_INSERT_ID())", .readsLastInsertID),
            ("SELECT PREVIOUS VALUE FOR s", [.readsLastInsertID, .namesSequence]),
            ("SELECT LASTVAL(s)", [.readsLastInsertID, .namesSequence]),
            ("SELECT NEXTVAL(s)", [.usesSequence, .namesSequence]),
            ("SELECT SETVAL(s, 9)", .namesSequence),
            ("SELECT CONNECTION_ID()", .readsConnectionID), ("SELECT @a", .usesUserVariables),
            ("SET TRANSACTION READ ONLY", .nextTransaction),
            ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", .nextTransaction),
            ("SET @@tx_isolation = 'SERIALIZABLE'", .nextTransaction), ("SET @@autocommit = 1", []),
            ("START TRANSACTION READ ONLY", [.commitsImplicitly, .readOnlyTransaction]), ("BEGIN", .commitsImplicitly),
            ("COMMIT AND CHAIN", .chains), ("COMMIT AND NO CHAIN", []), ("ROLLBACK RELEASE", .releasesConnection),
            ("COMMIT NO RELEASE", []), ("ROLLBACK TO SAVEPOINT release", []),
            ("ALTER TABLE t ADD a INT", .commitsImplicitly), ("CREATE TEMPORARY TABLE t (a INT)", []),
            ("DROP TEMPORARY TABLE t", []), ("LOCK TABLES t READ", .commitsImplicitly), ("UNLOCK TABLES", []),
            ("XA START 'x'", .xa), ("HANDLER t OPEN", .handler), ("KILL QUERY 5", .kills),
            ("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", .wantsLocalFile), ("LOAD DATA INFILE 'x' INTO TABLE t", []),
            ("CALL p()", .callsRoutine), ("BEGIN NOT ATOMIC SELECT 1; END", [.callsRoutine, .selectsInside]),
            ("INSERT INTO t SELECT a FROM u", .selectsInside), ("SHOW VARIABLES", .readsTracking),
            ("SHOW VARIABLES LIKE 's%'", .readsTracking), ("SHOW SESSION VARIABLES LIKE 'sql_mode'", []),
            ("SHOW VARIABLES WHERE Variable_name IN ('a', 'session_track_schema')", .readsTracking),
            ("SHOW GLOBAL VARIABLES", []), ("SELECT @@session.session_track_schema", .readsTracking),
            ("SHOW PROCESSLIST", .serverOwnTruth), ("SHOW FULL PROCESSLIST", .serverOwnTruth), ("SHOW TABLES", []),
        ]
        for (text, expected) in cases { #expect(traits(text) == expected, "\(text)") }
    }

    /// Measured: what the servers do with `SELECT <comment> 9`.
    @Test func versionComments() {
        let mysql = LexerOptions(dialect: .mysql, server: MySQLServerVersion(parsing: "9.7.4-2"))
        let mariadb = LexerOptions(dialect: .mysql, server: MySQLServerVersion(parsing: "5.5.5-10.11.19-MariaDB-log"))
        let cases: [(comment: String, mysql: Bool, mariadb: Bool)] = [
            ("/*! 8, */", true, true), ("/*!50000 8, */", true, true), ("/*!50700 8, */", true, false),
            ("/*!80000 8, */", true, false), ("/*!90000 8, */", true, false), ("/*!99999 8, */", false, false),
            ("/*!100100 8, */", false, true), ("/*!110000 8, */", false, false), ("/*M! 8, */", false, true),
            ("/*M!100100 8, */", false, true), ("/*! 8, /* x */ */", true, true),
            ("/*!99999 8, /* x */ */", false, false),
            ("/* /* */", false, false),
        ]
        for (comment, onMySQL, onMariaDB) in cases {
            let text = "SELECT \(comment) 9"
            #expect(tokens(text, mysql).count == (onMySQL ? 4 : 2), "\(text) on MySQL")
            #expect(tokens(text, mariadb).count == (onMariaDB ? 4 : 2), "\(text) on MariaDB")
        }
        // Too few digits are no version, but code.
        #expect(tokens("SELECT /*!8, */ 9", mysql).count == 4)
    }

    /// The same bytes, read by two servers through one cache.
    @Test func whatAVersionCommentDoesHangsOnTheServer() {
        let cache = StatementCache(dialect: .mysql)
        let mysql = LexerOptions(dialect: .mysql, server: MySQLServerVersion(parsing: "8.4.0"))
        let mariadb = LexerOptions(dialect: .mysql, server: MySQLServerVersion(parsing: "11.8.9-MariaDB"))
        func writes(_ text: String, _ options: LexerOptions) -> Bool {
            with(text) { cache.entry(text: $0, types: RawSpan(), options: options).facts.flags.contains(.writes) }
        }
        for _ in 0..<2 {
            let text = "SELECT 1 /*!80000 INTO OUTFILE '/x' */"
            #expect(writes(text, mysql) && !writes(text, mariadb) && writes(text, LexerOptions(dialect: .mysql)))
            let other = "SELECT 1 /*M!100100 INTO OUTFILE '/x' */"
            #expect(!writes(other, mysql) && writes(other, mariadb) && writes(other, LexerOptions(dialect: .mysql)))
        }
        // The comment a server skips ends behind the comment inside of it.
        let nested = "SELECT 1 /*!99999 /* */ ' */ ; DELETE FROM t -- '"
        #expect(writes(nested, mysql) && writes(nested, mariadb))
    }

    @Test func versions() {
        #expect(MySQLServerVersion(parsing: "9.7.4-2") == MySQLServerVersion(isMariaDB: false, number: 90_704))
        #expect(MySQLServerVersion(parsing: "8.0.36") == MySQLServerVersion(isMariaDB: false, number: 80_036))
        #expect(
            MySQLServerVersion(parsing: "5.5.5-10.11.19-MariaDB-0+deb12u1-log")
                == MySQLServerVersion(isMariaDB: true, number: 101_119))
        #expect(MySQLServerVersion(parsing: "11.8.9-MariaDB") == MySQLServerVersion(isMariaDB: true, number: 110_809))
        for text in ["", "x", "8", "8.0", "99999999999.1.1", "0.1.2"] {
            #expect(MySQLServerVersion(parsing: text) == nil)
        }
    }

    @Test func quickLook() {
        func quick(_ text: String) -> Bool { with(text) { QuickLook.leavesNoTraceInMySQL($0) } }
        for text in [
            "SELECT c FROM sbtest1 WHERE id = 5", "update t set a = 1", "SELECT a * b FROM t", "SELECT sq_l FROM t",
            "UPDATE\n a.t  SET b = 'x' WHERE c = 1;", "delete from t", "DELETE FROM `t` WHERE a = 1 ",
        ] {
            #expect(quick(text), "\(text)")
        }
        for text in [
            "SELECT @a := 1", "SELECT @@warning_count", "SELECT SQL_CALC_FOUND_ROWS a FROM t", "SELECT 1 /*! INTO */",
            "select all sql_calc_found_rows a from t", "SELECT f(1)", "SELECT 1; SELECT 2",
            "UPDATE t a JOIN u b ON a.i = b.i SET a.s = b.s", "UPDATE t, u SET t.s = u.s", "UPDATE t,u SET t.s = u.s",
            "DELETE t FROM t JOIN u WHERE t.i = u.i", "DELETE FROM t USING t JOIN u", "DELETE FROM t,u USING t JOIN u",
            "update t", "delete",
        ] { #expect(!quick(text), "\(text)") }
    }

    /// `0xBF 0x5C` is a character of GBK, and a letter and a backslash elsewhere.
    @Test func charactersThatHoldQuotes() {
        func kinds(_ bytes: [UInt8], _ charset: String?) -> [TokenKind] {
            let options = LexerOptions(dialect: .mysql, charset: charset.flatMap { MultibyteCharset(name: $0) })
            let span = unsafe bytes.span.bytes
            var lexer = Lexer(options)
            var found: [TokenKind] = []
            while let token = lexer.next(in: span) { found.append(token.kind) }
            return found
        }
        let string = [0x27, 0xBF, 0x5C, 0x27] as [UInt8] + Array(" or a".utf8)
        #expect(
            kinds(string, "gbk") == [.string, .word, .word] && kinds(string, "gb18030") == [.string, .word, .word])
        #expect(kinds(string, "big5") == [.string, .word, .word])
        #expect(kinds(string, nil) == [.unterminated] && kinds(string, "utf8mb4") == [.unterminated])
        // In SJIS 0xBF is a character of its own, 0x83 0x5C one of two bytes.
        #expect(kinds(string, "sjis") == [.unterminated])
        #expect(kinds([0x27, 0x83, 0x5C, 0x27], "cp932") == [.string])
        #expect(kinds([0x60, 0x83, 0x60, 0x60], "sjis") == [.quotedIdentifier])
        #expect(kinds([0x83, 0x60, 0x61, 0x20, 0x31], "sjis") == [.word, .number])
        #expect(kinds([0x27, 0x81, 0x30, 0x81, 0x30, 0x27], "gb18030") == [.string])
        #expect(kinds([0x27, 0xBF], "gbk") == [.unterminated])
        #expect(kinds([0xBF], "gbk") == [.word])
    }

    @Test func introducers() {
        let mysql = LexerOptions(dialect: .mysql)
        for text in ["_utf8mb4'x'", "_utf8mb4 'x'", "_binary x'41'", "_latin1\"x\"", "_UTF8'a''b'"] {
            #expect(tokens(text, mysql).map(\.0) == [.string], "\(text)")
        }
        #expect(tokens("_nothing 'x'", mysql).map(\.0) == [.word, .string])
        #expect(tokens("_utf8 x", mysql).map(\.0) == [.word, .word])
        #expect(
            normalized("SELECT _utf8mb4'a', n'b', x'1F', 0x1F, b'01' FROM t WHERE a IN (_latin1'x', 1)", mysql)
                == "select ?, ?, ?, ?, ? from t where a in (?)")
    }

    /// Hints behind the verb are part of the normal form, and nothing of them is code.
    @Test func hints() {
        let mysql = LexerOptions(dialect: .mysql)
        #expect(
            normalized("SELECT  /*+ MAX_EXECUTION_TIME(100)*/a FROM t", mysql)
                == "select /*+ max_execution_time ( ? ) */ a from t")
        #expect(
            normalized("INSERT /*+ SET_VAR(x='y) */ INTO t VALUES (1)", mysql)
                == "insert /*+ set_var ( x = ? */ into t values (?)")
        for text in [
            "SELECT a /*+ x */ FROM t", "SELECT /* x */ a FROM t", "SELECT /*+", "SELECT a FROM t /*+ x */",
            "SELECT /* /*+ x */ a",
        ] { #expect(!normalized(text, mysql).contains("x"), "\(text)") }
        #expect(!normalized("SELECT /*+ x */ a FROM t").contains("x"))
        let found = facts("SELECT /*+ GET_LOCK('a') SET_VAR(b = @c) */ 1", .mysql)
        #expect(!found.flags.contains(.writes) && !found.flags.contains(.hasEffects))
        #expect(normalized("SELECT a BETWEEN -1 AND -2", mysql) == "select a between ? and ?")
    }
}
