private import CTomlPlusPlus

/// Why a text is not TOML.
struct TOMLSyntaxError: Error {
    var position: SourcePosition
    var message: String
}

extension TOMLNode {
    /// The root table of `text`; keys are in the order of the file.
    static func parse(_ text: [UInt8]) throws(TOMLSyntaxError) -> TOMLNode {
        let handle = unsafe text.withUnsafeBytes { bytes in
            unsafe headgate_toml_parse(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard let handle = unsafe handle else {
            throw TOMLSyntaxError(position: .start, message: "memory ran out while the file was read")
        }
        defer { unsafe headgate_toml_free(handle) }
        var line: UInt32 = 0
        var column: UInt32 = 0
        if let message = unsafe headgate_toml_error(handle, &line, &column) {
            throw unsafe TOMLSyntaxError(
                position: position(line, column), message: String(cString: message))
        }
        var walk = unsafe Walk(handle: handle, count: headgate_toml_count(handle))
        return walk.next()?.node ?? TOMLNode(value: .table([]), position: .start)
    }

    /// toml++ counts from 1 but says 0 for what stands nowhere, such as the table `a` of the header `[a.b]`.
    private static func position(_ line: UInt32, _ column: UInt32) -> SourcePosition {
        SourcePosition(line: max(1, Int(line)), column: max(1, Int(column)))
    }

    /// Rebuilds the tree from the flat list; the shim bounds its depth.
    @safe private struct Walk {
        let handle: OpaquePointer
        let count: Int
        var index = 0

        mutating func next() -> TOMLEntry? {
            guard index < count else { return nil }
            let entry = unsafe headgate_toml_at(handle, index)
            index += 1
            let node = unsafe TOMLNode(
                value: value(of: entry), position: TOMLNode.position(entry.value_line, entry.value_column))
            return unsafe TOMLEntry(
                key: Self.text(entry.key, entry.key_length),
                position: TOMLNode.position(entry.key_line, entry.key_column), node: node)
        }

        mutating func value(of entry: headgate_toml_entry) -> Value {
            switch unsafe entry.kind {
            case HEADGATE_TOML_TABLE:
                .table(unsafe children(entry.children).sorted { $0.position < $1.position })
            case HEADGATE_TOML_ARRAY: .array(unsafe children(entry.children).map(\.node))
            case HEADGATE_TOML_STRING: .string(unsafe Self.text(entry.text, entry.text_length))
            case HEADGATE_TOML_INTEGER: .integer(unsafe entry.integer)
            case HEADGATE_TOML_FLOAT: .float(unsafe entry.number)
            case HEADGATE_TOML_BOOLEAN: .boolean(unsafe entry.boolean)
            default: .date
            }
        }

        mutating func children(_ count: Int) -> [TOMLEntry] {
            var found: [TOMLEntry] = []
            for _ in 0..<count {
                guard let child = next() else { break }
                found.append(child)
            }
            return found
        }

        static func text(_ start: UnsafePointer<CChar>?, _ length: Int) -> String {
            guard let start = unsafe start else { return "" }
            let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
            return unsafe String(decoding: bytes, as: UTF8.self)
        }
    }
}
