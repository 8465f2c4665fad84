/// Functions of MySQL and MariaDB that matter to a pooler.
enum MySQLFunctions {
    /// What calling a function does to the session.
    static func effect(_ name: String) -> SessionEffect? {
        switch name {
        case "get_lock", "service_get_read_locks", "service_get_write_locks": .mayCreate(.advisoryLocks)
        case "release_lock", "release_all_locks", "service_release_locks": .mayRelease(.advisoryLocks)
        default: nil
        }
    }

    /// Whether a function certainly changes nothing and answers the same on any server and session.
    static func isReadOnly(_ name: String) -> Bool { builtins.contains(name) }

    /// Whether it is the servers' own, as far as is known here.
    static func isBuiltIn(_ name: String) -> Bool {
        builtins.contains(name) || others.contains(name) || effect(name) != nil
    }

    private static let others: Set<String> = Set(
        """
        benchmark connection_id found_rows is_free_lock is_used_lock lastval last_insert_id load_file name_const nextval \
        row_count setval sleep uuid_short
        """.split(separator: " ").map(String.init))

    private static let builtins: Set<String> = Set(
        """
        abs acos adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and \
        bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length character_length charset coalesce \
        coercibility collation compress concat concat_ws conv convert convert_tz cos cot count crc32 cume_dist curdate \
        current_date current_time current_timestamp curtime database date date_add date_format date_sub datediff day \
        dayname dayofmonth dayofweek dayofyear degrees dense_rank elt exp export_set extract extractvalue field \
        find_in_set first_value floor format from_base64 from_days from_unixtime get_format greatest group_concat \
        grouping hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval is_ipv4 is_ipv6 \
        is_uuid isnull json_array json_array_append json_array_insert json_arrayagg json_contains json_contains_path \
        json_depth json_extract json_insert json_keys json_length json_merge json_merge_patch json_merge_preserve \
        json_object json_objectagg json_overlaps json_pretty json_quote json_remove json_replace json_schema_valid \
        json_search json_set json_storage_size json_table json_type json_unquote json_valid json_value lag last_day \
        last_value lcase lead least left length ln locate log log10 log2 lower lpad ltrim make_set makedate maketime \
        match max md5 microsecond mid min minute mod month monthname now nth_value ntile nullif oct octet_length ord \
        percent_rank period_add period_diff pi position pow power quarter quote radians rand rank regexp_instr \
        regexp_like regexp_replace regexp_substr repeat replace reverse right round row_number rpad rtrim schema \
        sec_to_time second sha sha1 sha2 sign sin soundex space sqrt std stddev stddev_pop stddev_samp str_to_date \
        strcmp subdate substr substring substring_index subtime sum sysdate tan time time_format time_to_sec timediff \
        timestamp timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase uncompress unhex \
        unix_timestamp updatexml upper utc_date utc_time utc_timestamp uuid uuid_to_bin values var_pop var_samp \
        variance version week weekday weekofyear weight_string year yearweek st_asgeojson st_astext st_contains \
        st_distance st_distance_sphere st_geomfromtext st_intersects st_within st_x st_y point user current_user \
        session_user system_user decimal signed unsigned binary varchar datetime
        """.split(separator: " ").map(String.init))
}

extension Statement {
    /// It calls functions that may be somebody's own, which may do anything; only of MySQL's statements.
    public var callsOthers: Bool { functions.contains { !MySQLFunctions.isBuiltIn($0) } }
}
