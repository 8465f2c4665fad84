"""State that a proxy can carry to any server: the schema, character sets, variables of the session and of the user."""

from __future__ import annotations

from .kind import Kind, setting

CHARACTER_SETS = (
    "SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_results, @@character_set_connection,"
    " @@collation_connection)"
)
ISOLATION = {"mariadb": "SELECT @@tx_isolation", "mysql": "SELECT @@transaction_isolation"}
READ_ONLY = {"mariadb": "SELECT @@tx_read_only", "mysql": "SELECT @@transaction_read_only"}


#: What code of the server did, and what is computed there, may as well keep the client where it was done.
MAY_PIN = {"pins": True, "may_be_lost": True}


def variable(name: str, mine: str, theirs: str, read: str | None = None, **more) -> Kind:
    """A variable of the session; values are SQL, and read back without quotes."""
    return setting(
        name, f"SET SESSION {name} = {mine}", read or f"SELECT @@{name}", (more.pop("shown", None) or mine).strip("'"),
        f"SET {name} = {theirs}", theirs.strip("'"), **more,
    )  # fmt: skip


SCHEMA = [
    setting("use", "USE other", "SELECT DATABASE()", "other", "USE test1", "test1", outlives_reset=True),
    Kind(
        "init_db", (lambda c: c.init_db("other"),), "SELECT DATABASE()", "other", (lambda c: c.init_db("test2"),), "test2",
        outlives_reset=True,
    ),
    Kind(
        "use_table", ("USE other",), "SELECT v FROM state_where", "other", ("USE test1",), "test1", outlives_reset=True,
    ),
    # The schema that was dropped is nobody's, and the client has none.
    Kind(
        "use_dropped", ("CREATE DATABASE IF NOT EXISTS state_dropped", "USE state_dropped", "DROP DATABASE state_dropped"),
        "SELECT DATABASE()", None, in_transaction=False, outlives_reset=True,
    ),
]  # fmt: skip

CHARACTERS = [
    setting(
        "set_names", "SET NAMES latin1", CHARACTER_SETS, "latin1 latin1 latin1 latin1_swedish_ci",
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "utf8mb4 utf8mb4 utf8mb4 utf8mb4_bin",
    ),
    setting(
        "set_names_in_a_comment", "/*!40101 SET NAMES latin1 */", CHARACTER_SETS, "latin1 latin1 latin1 latin1_swedish_ci",
    ),
    setting(
        "set_names_collation_above_255", "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_german2_ai_ci", CHARACTER_SETS,
        "utf8mb4 utf8mb4 utf8mb4 utf8mb4_uca1400_german2_ai_ci", "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_swedish_as_cs",
        "utf8mb4 utf8mb4 utf8mb4 utf8mb4_uca1400_swedish_as_cs", families=("mariadb",),
    ),
    setting(
        "set_names_collation_above_255_", "SET NAMES utf8mb4 COLLATE utf8mb4_ja_0900_as_cs", CHARACTER_SETS,
        "utf8mb4 utf8mb4 utf8mb4 utf8mb4_ja_0900_as_cs", "SET NAMES utf8mb4 COLLATE utf8mb4_de_pb_0900_ai_ci",
        "utf8mb4 utf8mb4 utf8mb4 utf8mb4_de_pb_0900_ai_ci", families=("mysql",),
    ),
    setting(
        "set_character_set", "SET CHARACTER SET latin2", "SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_results)",
        "latin2 latin2", "SET CHARACTER SET latin1", "latin1 latin1",
    ),
    # The bytes of a literal are read by character_set_client: two characters of latin1, one of UTF-8.
    setting("character_set_client", "SET NAMES latin1", "SELECT CHAR_LENGTH('ß')", "2", "SET NAMES utf8mb4", "1"),
    setting("character_set_results", "SET character_set_results = NULL", "SELECT @@character_set_results", None,
            "SET character_set_results = latin1", "latin1"),
    setting("collation_connection", "SET collation_connection = utf8mb4_bin", "SELECT 'a' = 'A'", "0",
            "SET collation_connection = latin1_bin", "0"),
]  # fmt: skip

TRANSACTIONS = [
    setting("autocommit", "SET autocommit = 0", "SELECT @@autocommit", "0", "SET autocommit = 1", "1"),
    *(
        setting(
            f"isolation_{spelling}_{family}", make, ISOLATION[family], "SERIALIZABLE",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "READ-COMMITTED", families=(family,),
        )
        for family, name in (("mariadb", "tx_isolation"), ("mysql", "transaction_isolation"))
        for spelling, make in (
            ("statement", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
            ("variable", f"SET SESSION {name} = 'SERIALIZABLE'"),
        )
    ),
    *(
        setting(
            f"read_only_{family}", "SET SESSION TRANSACTION READ ONLY", READ_ONLY[family], "1",
            "SET SESSION TRANSACTION READ WRITE", "0", families=(family,),
        )
        for family in READ_ONLY
    ),
    # Not only what the variable says: what the server does.
    setting("read_only_refuses", "SET SESSION TRANSACTION READ ONLY", "INSERT INTO app.state_scratch VALUES (9)", 1792),
    setting("completion_type", "SET completion_type = 'CHAIN'", "SELECT @@completion_type", "CHAIN",
            "SET completion_type = 'NO_CHAIN'", "NO_CHAIN", in_transaction=False),
]  # fmt: skip

MODES = [
    setting("sql_mode", "SET sql_mode = 'ANSI_QUOTES'", "SELECT @@sql_mode", "ANSI_QUOTES", "SET sql_mode = ''", ""),
    setting("sql_mode_quotes", "SET SESSION sql_mode = 'ANSI_QUOTES'", 'SELECT "x"', 1054, "SET sql_mode = ''", "x"),
    setting("sql_mode_backslashes", "SET @@sql_mode = 'NO_BACKSLASH_ESCAPES'", r"SELECT LENGTH('a\\b')", "4",
            "SET sql_mode = ''", "3"),
    setting("sql_mode_pipes", "SET @@SESSION.sql_mode = 'PIPES_AS_CONCAT'", "SELECT '1' || '2'", "12",
            "SET sql_mode = ''", "1"),
    setting("sql_mode_oracle", "SET sql_mode = 'ORACLE'", "SELECT '1' || '2'", "12", families=("mariadb",)),
]  # fmt: skip

VARIABLES = [
    variable("time_zone", "'+05:30'", "'-03:00'"),
    setting("time_zone_seen", "SET time_zone = '+05:30'", "SELECT FROM_UNIXTIME(0)", "1970-01-01 05:30:00"),
    variable("sql_safe_updates", "1", "0"),
    variable("foreign_key_checks", "0", "1"),
    variable("unique_checks", "0", "1"),
    variable("group_concat_max_len", "77", "78"),
    variable("sql_select_limit", "3", "4"),
    setting("sql_select_limit_seen", "SET sql_select_limit = 3",
            lambda c: len(c.query("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4").rows), 3),
    variable("lock_wait_timeout", "55", "56"),
    variable("innodb_lock_wait_timeout", "7", "8"),
    variable("sort_buffer_size", "655360", "720896"),
    variable("max_heap_table_size", "1048576", "2097152"),
    variable("tmp_table_size", "1048576", "2097152"),
    variable("div_precision_increment", "7", "8"),
    setting("div_precision_increment_seen", "SET div_precision_increment = 7", "SELECT 1 / 3", "0.3333333"),
    variable("default_week_format", "3", "4"),
    variable("lc_time_names", "'de_DE'", "'fr_FR'"),
    variable("auto_increment_increment", "5", "6"),
    variable("auto_increment_offset", "3", "4"),
    variable("wait_timeout", "12345", "12346"),
    variable("net_write_timeout", "123", "124"),
    variable("long_query_time", "1.500000", "2.500000"),
    variable("max_sort_length", "2048", "4096"),
    variable("sql_quote_show_create", "0", "1"),
    variable("sql_auto_is_null", "1", "0"),
    variable("big_tables", "1", "0"),
    variable("default_storage_engine", "'MEMORY'", "'MyISAM'", shown="MEMORY"),
    # In days and a little more, since whoever has not set it reads the clock.
    setting("timestamp", "SET timestamp = 86400", "SELECT UNIX_TIMESTAMP() DIV 100000", "0", "SET timestamp = 172800", "1"),
    variable("max_statement_time", "30.000000", "31.000000", families=("mariadb",)),
    variable("old_mode", "'NO_PROGRESS_INFO'", "''", families=("mariadb",)),
    variable("max_execution_time", "30000", "31000", families=("mysql",)),
    variable("sql_require_primary_key", "1", "0", families=("mysql",)),
    setting("optimizer_switch", "SET optimizer_switch = 'mrr=off,index_merge=off'",
            "SELECT @@optimizer_switch LIKE '%index_merge=off%'", "1", "SET optimizer_switch = 'index_merge=on'", "0"),
    setting("default_again", "SET time_zone = '+09:00', time_zone = DEFAULT", "SELECT @@time_zone", "+00:00",
            "SET time_zone = '+08:00'", "+08:00"),
    setting("several_at_once", "SET time_zone = '+01:00', @mine = 1, SESSION group_concat_max_len = 79",
            "SELECT CONCAT_WS(' ', @@time_zone, @mine, @@group_concat_max_len)", "+01:00 1 79"),
    setting("in_a_multi_statement", "SELECT 1; SET time_zone = '+02:00'; SELECT 2", "SELECT @@time_zone", "+02:00"),
    setting("behind_a_comment", "/* x */ -- y\nSET time_zone = '+02:30'", "SELECT @@time_zone", "+02:30"),
    setting("for_one_statement_only", "SET STATEMENT group_concat_max_len = 80 FOR SELECT 1", "SELECT @@group_concat_max_len",
            "1048576", families=("mariadb",)),
    setting("by_a_hint_only", "SELECT /*+ SET_VAR(group_concat_max_len = 80) */ 1", "SELECT @@group_concat_max_len", "1024",
            families=("mysql",)),
    setting("failed_half_way", lambda c: c.outcome("SET time_zone = '+03:30', no_such_variable = 1"), "SELECT @@time_zone",
            "+00:00"),
]  # fmt: skip

EXPRESSIONS = [
    setting("from_itself", "SET sort_buffer_size = @@sort_buffer_size + 65536", "SELECT @@sort_buffer_size - @@GLOBAL.sort_buffer_size",
            "65536"),
    setting("from_a_subquery", "SET group_concat_max_len = (SELECT 80 + 1)", "SELECT @@group_concat_max_len", "81"),
    setting("from_a_function", "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'", "1"),
    Kind("from_a_user_variable", ("SET @tz = '+04:30'", "SET time_zone = @tz"), "SELECT @@time_zone", "+04:30"),
    setting("in_a_procedure", "CALL app.state_sets('+04:00')", "SELECT CONCAT_WS(' ', @@time_zone, @@group_concat_max_len)",
            "+04:00 4321", "CALL app.state_sets('+06:00')", "+06:00 4321", **MAY_PIN),
    setting("in_a_function", "SELECT app.state_sets_too('+04:15')", "SELECT @@time_zone", "+04:15"),
    Kind("by_sql_prepare", ("PREPARE p FROM 'SET time_zone = ?'", "SET @tz = '+07:00'", "EXECUTE p USING @tz", "DEALLOCATE PREPARE p"),
         "SELECT @@time_zone", "+07:00", **MAY_PIN),
    Kind("by_protocol_prepare", (lambda c: c.run(c.prepare("SET time_zone = ?")[0], "+07:30"),), "SELECT @@time_zone", "+07:30"),
    setting("by_execute_immediate", "EXECUTE IMMEDIATE 'SET time_zone = ''+08:30'''", "SELECT @@time_zone", "+08:30",
            families=("mariadb",)),
    Kind("as_dumps_do", ("/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */", "/*!40103 SET TIME_ZONE='+09:30' */"),
         "SELECT CONCAT(@OLD_TIME_ZONE, @@time_zone)", "+00:00+09:30", **MAY_PIN),
    Kind("as_dumps_do_and_undo", ("/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */", "/*!40103 SET TIME_ZONE='+09:30' */",
         "/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */"), "SELECT @@time_zone", "+00:00", **MAY_PIN),
]  # fmt: skip

USER_VARIABLES = [
    setting("user_variable", "SET @mine = 'it''s \\\\ mine'", "SELECT @mine", "it's \\ mine", "SET @mine = 'theirs'", "theirs"),
    setting("user_variable_backslash_not_ascii", "SET @mine = '\\n ß\\\\'", "SELECT HEX(@mine)", "0A20C39F5C", "SET @mine = '\\\\'", "5C"),
    # Half the session's strings go through two character sets, and these are not those of the literal.
    Kind("user_variable_of_two_charsets", ("SET NAMES utf8mb4", "SET collation_connection = latin1_swedish_ci", "SET @mine = 'ß'"),
         "SELECT CONCAT(HEX(@mine), COLLATION(@mine))", "DFlatin1_swedish_ci", **MAY_PIN),
    Kind("user_variable_of_wide_units", ("SET collation_connection = utf16_general_ci", "SET @mine = 'ab'"),
         "SELECT HEX(CONVERT(@mine USING ascii))", "6162", **MAY_PIN),
    setting("user_variable_not_ascii", "SET @mine = 'ß \U0001f600'", "SELECT @mine", "ß \U0001f600", "SET @mine = 'ñ'", "ñ", **MAY_PIN),
    setting("user_variable_assigned", "SET @mine := 5", "SELECT @mine + 1", "6", "SET @mine := 6", "7"),
    setting("user_variable_quoted", "SET @`mi``ne x` = 1, @\"b\" = 2, @'c' = 3", "SELECT CONCAT(@`mi``ne x`, @b, @`c`)", "123"),
    setting("user_variable_any_case", "SET @MiNe = 1", "SELECT @mINE", "1", "SET @mine = 2", "2"),
    setting("user_variable_null", "SET @mine = 1, @mine = NULL", "SELECT @mine IS NULL", "1", "SET @mine = 2", "0"),
    setting("user_variable_decimal", "SET @mine = 1.50", "SELECT @mine", "1.50", "SET @mine = -1.50", "-1.50"),
    setting("user_variable_float", "SET @mine = 1.5e3", "SELECT @mine / 7", "214.28571428571428"),
    setting("user_variable_negative", "SET @mine = -7", "SELECT @mine", "-7"),
    setting("user_variable_unsigned", "SET @mine = 18446744073709551615", "SELECT @mine", "18446744073709551615"),
    setting("user_variable_bytes", "SET @mine = X'00FF27'", "SELECT CONCAT(HEX(@mine), COLLATION(@mine))", "00FF27binary"),
    setting("user_variable_bits", "SET @mine = b'1000001'", "SELECT @mine", "A"),
    setting("user_variable_character_set", "SET @mine = _latin1'x' COLLATE latin1_bin", "SELECT COLLATION(@mine)", "latin1_bin", **MAY_PIN),
    # A literal has the character set it was read by, not the one the same statement sets.
    setting("user_variable_of_the_connection", "SET NAMES latin1, @mine = 'x'", "SELECT COLLATION(@mine)", "utf8mb4_general_ci", **MAY_PIN),
    Kind("user_variable_of_the_new_names", ("SET NAMES latin1", "SET @mine = 'x'"), "SELECT COLLATION(@mine)", "latin1_swedish_ci"),
    Kind("user_variable_changed_names", ("SET @mine = 'x'", "SET NAMES latin1"), "SELECT COLLATION(@mine)", "utf8mb4_general_ci"),
]  # fmt: skip

CARRIED = [*SCHEMA, *CHARACTERS, *TRANSACTIONS, *MODES, *VARIABLES, *EXPRESSIONS, *USER_VARIABLES]
