"""SET in all its spellings, of variables whose values show."""

from __future__ import annotations

import random

#: Session variables of both families, with values sensible and not.
COMMON = {
    "sql_mode": ["''", "'ANSI_QUOTES'", "'STRICT_TRANS_TABLES'", "'NO_BACKSLASH_ESCAPES'",
        "'PIPES_AS_CONCAT,STRICT_ALL_TABLES'", "DEFAULT", "'RUBBISH'", "CONCAT(@@sql_mode, ',NO_ZERO_DATE')", "'ansi'"],
    "time_zone": ["'+00:00'", "'+02:00'", "'-11:30'", "DEFAULT", "SYSTEM", "'Nowhere/Town'"],
    "foreign_key_checks": ["0", "1", "ON", "OFF", "2"],
    "unique_checks": ["0", "1", "DEFAULT"],
    "sql_safe_updates": ["0", "1", "TRUE"],
    "sql_select_limit": ["3", "DEFAULT", "18446744073709551615"],
    "group_concat_max_len": ["10", "1024", "DEFAULT", "'x'", "@@global.group_concat_max_len"],
    "sql_auto_is_null": ["0", "1"],
    "sql_big_selects": ["0", "1"],
    "sql_notes": ["0", "1"],
    "sql_quote_show_create": ["0", "1"],
    "div_precision_increment": ["2", "4", "DEFAULT", "-1", "99"],
    "lc_time_names": ["'de_DE'", "'en_US'", "DEFAULT", "'xx_XX'"],
    "default_week_format": ["0", "3", "9"],
    "max_error_count": ["1", "64", "DEFAULT"],
    "net_write_timeout": ["30", "60", "DEFAULT"],
    "wait_timeout": ["28800", "600", "DEFAULT"],
    "sort_buffer_size": ["262144", "524288", "DEFAULT", "1"],
    "character_set_results": ["utf8mb4", "latin1", "'binary'", "NULL", "nonsense"],
    "character_set_client": ["utf8mb4", "'latin1'", "ucs2"],
    "collation_connection": ["utf8mb4_bin", "utf8mb4_general_ci", "latin1_swedish_ci", "nonsense_ci"],
    "autocommit": ["0", "1", "ON", "OFF", "DEFAULT"],
    "completion_type": ["0", "'NO_CHAIN'", "CHAIN", "DEFAULT"],
    "timestamp": ["1700000000", "1700000000.25", "DEFAULT", "0"],
    "last_insert_id": ["77", "0"],
    "insert_id": ["1000", "0"],
    "auto_increment_increment": ["1", "10", "DEFAULT"],
    "auto_increment_offset": ["1", "3"],
    "max_sort_length": ["1024", "8", "DEFAULT"],
    "session_track_schema": ["ON", "OFF"],
    "session_track_state_change": ["ON", "OFF"],
    "session_track_transaction_info": ["OFF", "STATE", "CHARACTERISTICS"],
    "session_track_system_variables": ["''", "'autocommit,time_zone'", "'*'", "DEFAULT"],
    "server_id": ["1"],
    "nonsense_variable": ["1"],
    "version": ["'1'"],
    "max_connections": ["7"],
}
MARIADB = {
    "tx_isolation": ["'READ-COMMITTED'", "'REPEATABLE-READ'", "'SERIALIZABLE'", "DEFAULT", "'NEVER'"],
    "tx_read_only": ["0", "1", "DEFAULT"],
    "max_statement_time": ["0", "100", "12.5", "DEFAULT"],
    "check_constraint_checks": ["0", "1"],
    "lock_wait_timeout": ["0", "50", "DEFAULT"],
    "innodb_lock_wait_timeout": ["0", "DEFAULT"],
    "standard_compliant_cte": ["0", "1"],
    "column_compression_threshold": ["100", "DEFAULT"],
    "in_predicate_conversion_threshold": ["10", "DEFAULT"],
    "skip_replication": ["0", "1"],
    "default_storage_engine": ["InnoDB", "MyISAM", "DEFAULT", "Nonsense"],
}
MYSQL = {
    "transaction_isolation": ["'READ-COMMITTED'", "'REPEATABLE-READ'", "'SERIALIZABLE'", "DEFAULT", "'NEVER'"],
    "transaction_read_only": ["0", "1", "DEFAULT"],
    "max_execution_time": ["0", "10000", "DEFAULT"],
    "cte_max_recursion_depth": ["10", "DEFAULT"],
    "lock_wait_timeout": ["1", "DEFAULT"],
    "innodb_lock_wait_timeout": ["1", "DEFAULT"],
    "windowing_use_high_precision": ["ON", "OFF"],
    "generated_random_password_length": ["10", "DEFAULT"],
    "show_create_table_verbosity": ["ON", "OFF"],
}
#: They take effect once, for the next statement or transaction.
ONCE = ["insert_id", "timestamp"]


class Settings:
    def __init__(self, dice: random.Random, family: str):
        self.dice, self.family = dice, family
        self.variables = {**COMMON, **(MARIADB if family == "mariadb" else MYSQL)}

    def assignment(self, name: str | None = None) -> str:
        """One `x = v` of a SET."""
        dice = self.dice
        name = name or dice.choice(list(self.variables))
        value = dice.choice(self.variables[name])
        left = dice.choice(
            ["{}", "{}", "SESSION {}", "@@{}", "@@session.{}", "LOCAL {}", "@@local.{}", "`{}`", "session {}", "@@SESSION.{}"]
        ).format(name.upper() if dice.random() < 0.15 else name)
        return f"{left} {dice.choice(['=', '=', ':='])} {value}"

    def set(self) -> str:
        dice = self.dice
        kind = dice.random()
        if kind < 0.55:
            text = f"SET {self.assignment()}"
        elif kind < 0.72:
            parts = [self.assignment() for _ in range(dice.choice([2, 2, 3]))]
            if dice.random() < 0.3:
                parts.insert(dice.randrange(len(parts) + 1), f"@a = {dice.randrange(9)}")
            text = "SET " + ", ".join(parts)
        elif kind < 0.85:
            text = dice.choice(
                [
                    "SET NAMES utf8mb4", "SET NAMES latin1", "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", "SET NAMES DEFAULT",
                    "SET CHARACTER SET utf8mb4", "SET CHARSET latin1", "SET CHARACTER SET DEFAULT", "SET NAMES nonsense",
                    "SET NAMES utf8mb4 COLLATE latin1_bin", "set names binary",
                ]
            )  # fmt: skip
        elif kind < 0.95:
            text = dice.choice(
                [
                    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION TRANSACTION READ ONLY",
                    "SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ",
                    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                    "SET TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE",
                    "SET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                ]
            )  # fmt: skip
        else:
            text = dice.choice(["SET", "SET x", "SET sql_mode", "SET GLOBAL nonsense = 1", "SET @@global.version = 1",
                "SET sql_mode = (SELECT 'ANSI')", "SET @@nonsense.x = 1"])
        return self.dressed(text)

    def dressed(self, text: str) -> str:
        return self.dice.choice(
            [text] * 8 + [f"/* why */ {text}", f"{text};", f"-- line\n{text}", f"/*!{text}*/", f"  {text}  # end",
                text.replace("SET", "set", 1)]
        )

    def show(self) -> str:
        dice = self.dice
        names = [n for n in self.variables if n not in ("nonsense_variable", "insert_id")]
        kind = dice.random()
        if kind < 0.4:
            chosen = [n for n in dice.sample(names, dice.choice([1, 2, 4])) if n != "timestamp"] or ["sql_mode"]
            return "SELECT " + ", ".join(dice.choice(["@@{}", "@@session.{}", "@@local.{}"]).format(n) for n in chosen)
        if kind < 0.6:
            listed = ", ".join(f"'{n}'" for n in names if n not in ("timestamp", "last_insert_id"))
            return f"SHOW SESSION VARIABLES WHERE Variable_name IN ({listed})"
        if kind < 0.75:
            return f"SHOW VARIABLES LIKE '{dice.choice([n for n in names if n not in ('timestamp', 'last_insert_id')])}'"
        return dice.choice(
            [
                "SELECT @@autocommit, @@sql_mode", "SELECT DATABASE(), SCHEMA()", "SELECT USER(), CURRENT_USER()",
                "SHOW VARIABLES LIKE 'character_set%'", "SHOW VARIABLES LIKE 'collation%'",
                "SELECT CHARSET('x'), COLLATION('x')",
                "SELECT 'it' \"s\", 'a\\\\b'", "SELECT 1/3, 2/7", "SELECT DATE_FORMAT('2026-03-01', '%W %M')",
                "SELECT WEEK('2026-03-01')",
                "SELECT FROM_UNIXTIME(1700000000)", "SELECT @@warning_count, @@error_count", "SELECT @@identity",
                "SELECT 'a' || 'b'",
            ]
        )  # fmt: skip

    def statement_setting(self) -> str:
        """MariaDB's settings for one statement."""
        name = self.dice.choice(["sql_mode", "div_precision_increment", "lc_time_names", "max_statement_time",
            "sql_select_limit"])
        value = self.dice.choice([v for v in self.variables[name] if v != "DEFAULT" and "(" not in v])
        return f"SET STATEMENT {name} = {value} FOR {self.dice.choice([f'SELECT @@{name}', 'SELECT 1/3', 'SELECT nonsense'])}"
