internal import ByteKit
internal import CPgQuery

/// The door to libpg_query, PostgreSQL's own grammar as a library.
///
/// The library keeps its memory in thread-local contexts, so each worker may parse at the same time. It is built for
/// Debian with its redirection of the process's standard error switched off.
enum PostgresParser {
    /// The tree of a text; nil if the grammar does not know it.
    static func parse(_ text: RawSpan, conformingStrings: Bool = true) -> ParseTree? {
        // The library wants a C string; a NUL inside would hide the rest of the text from it.
        guard text.byteCount > 0, text.byteCount < Int(Int32.max),
            text.firstIndex(of: 0, from: 0, to: text.byteCount) == nil
        else { return nil }
        return unsafe withUnsafeTemporaryAllocation(byteCount: text.byteCount &+ 1, alignment: 1) { copy in
            unsafe text.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
            unsafe copy[text.byteCount] = 0
            guard let base = copy.baseAddress else { return nil }
            headgate_pg_query_strings(conformingStrings)
            let result = unsafe pg_query_parse(base.assumingMemoryBound(to: CChar.self))
            defer { unsafe pg_query_free_parse_result(result) }
            guard unsafe result.error == nil, let json = unsafe result.parse_tree else { return nil }
            let bytes = unsafe UnsafeRawBufferPointer(start: json, count: length(json))
            return unsafe ParseTree(bytes.bytes)
        }
    }

    private static func length(_ string: UnsafePointer<CChar>) -> Int {
        var count = 0
        while unsafe string[count] != 0 { count &+= 1 }
        return count
    }
}
