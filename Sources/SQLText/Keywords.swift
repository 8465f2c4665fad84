/// The few word lists the lexer's side needs.
enum Keywords {
    /// Words that are written with a blank before an opening parenthesis, since they name no function.
    static func standsOff(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        switch range.count {
        case 2:
            text.isWord(range, "as") || text.isWord(range, "or") || text.isWord(range, "on") || text.isWord(range, "by")
                || text.isWord(range, "is")
        case 3:
            text.isWord(range, "and") || text.isWord(range, "not") || text.isWord(range, "all")
                || text.isWord(range, "set")
        case 4:
            text.isWord(range, "from") || text.isWord(range, "join") || text.isWord(range, "like")
                || text.isWord(range, "when") || text.isWord(range, "then") || text.isWord(range, "else")
                || text.isWord(range, "with") || text.isWord(range, "over")
        case 5:
            text.isWord(range, "where") || text.isWord(range, "using") || text.isWord(range, "union")
                || text.isWord(range, "table") || text.isWord(range, "limit") || text.isWord(range, "ilike")
        case 6:
            text.isWord(range, "select") || text.isWord(range, "exists") || text.isWord(range, "having")
                || text.isWord(range, "except") || text.isWord(range, "filter")
        case 7: text.isWord(range, "between") || text.isWord(range, "explain") || text.isWord(range, "lateral")
        case 9: text.isWord(range, "intersect") || text.isWord(range, "returning")
        default: false
        }
    }

    /// Reserved words of MySQL and the words that begin its statements: what may be folded without touching a name,
    /// since table names are case-sensitive there.
    static func isReservedInMySQL(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        guard range.count >= 2, range.count <= 20, range.upperBound <= text.byteCount else { return false }
        return mysql.contains(text.string(range).lowercased())
    }

    /// The verbs of MySQL behind which optimizer hints may stand.
    static func takesHints(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        switch range.count {
        case 6:
            text.isWord(range, "select") || text.isWord(range, "insert") || text.isWord(range, "update")
                || text.isWord(range, "delete")
        case 7: text.isWord(range, "replace")
        default: false
        }
    }

    /// Whether a word names a character set of MySQL or MariaDB.
    static func isCharset(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        range.upperBound <= text.byteCount && charsets.contains(text.string(range).lowercased())
    }

    private static let charsets: Set<String> = Set(
        """
        armscii8 ascii big5 binary cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb18030 gb2312 \
        gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman sjis swe7 tis620 ucs2 \
        ujis utf16 utf16le utf32 utf8 utf8mb3 utf8mb4
        """.split(separator: " ").map(String.init))

    private static let mysql: Set<String> = Set(
        """
        add all alter analyze and as asc before begin between both by call cascade case change check collate column \
        commit condition constraint convert create cross cube current_date current_time current_timestamp \
        current_user database databases deallocate default delayed delete desc describe distinct distinctrow div do \
        drop dual duplicate each else elseif empty end escaped except execute exists explain false fetch first_value \
        flush for force foreign from fulltext grant group grouping groups handler having high_priority identified if \
        ignore in index infile inner insert intersect interval into is join json_table key keys kill lateral leading \
        left like limit lines load lock long low_priority match mod natural not null of offset on optimize option \
        optionally or order outer outfile over partition precision prepare primary procedure purge read recursive \
        references regexp release rename repeat replace require restrict return revoke right rlike rollback row rows \
        savepoint schema schemas select separator set share show sql_big_result sql_calc_found_rows sql_small_result \
        start starting straight_join table tables temporary terminated then to trailing transaction trigger true \
        truncate union unique unlock unsigned update usage use using value values varying view when where while \
        window with work write xa xor zerofill
        """.split(separator: " ").map(String.init))
}
