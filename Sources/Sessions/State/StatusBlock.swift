public import ByteKit
import PostgresWire

/// The ParameterStatus values a server has reported for a session, as the server gave them. Interned by `StatusTable`.
public final class StatusBlock {
    /// One reported parameter.
    public struct Entry: Hashable, Sendable {
        /// The parameter's name.
        public let name: String
        /// Its reported value.
        public let value: String
        /// A reported value.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In the order the server first reported them.
    public let entries: [Entry]
    /// All of them as ParameterStatus messages, ready to be sent to a client that logs in.
    public let encoded: [UInt8]

    fileprivate init(entries: [Entry]) {
        self.entries = entries
        var writer = ByteWriter(capacity: 512)
        for entry in entries { writer.parameterStatus(entry.name, entry.value) }
        encoded = writer.take()
    }

    /// The value of `name`.
    public subscript(name: String) -> String? { entries.first { $0.name == name }?.value }

    /// Appends the messages that tell a client that knows `old` what is now true.
    public func writeChanges(since old: StatusBlock, to out: inout ByteWriter) {
        for entry in entries where old[entry.name] != entry.value { out.parameterStatus(entry.name, entry.value) }
    }
}

/// All status blocks of one worker.
public final class StatusTable {
    private var blocks: [[StatusBlock.Entry]: StatusBlock] = [:]
    /// Nothing reported yet.
    public let empty = StatusBlock(entries: [])

    /// An empty table.
    public init() {}

    /// The one block with these entries.
    public func intern(_ entries: [StatusBlock.Entry]) -> StatusBlock {
        if entries.isEmpty { return empty }
        if let known = blocks[entries] { return known }
        if blocks.count >= 1024 {
            for key in Array(blocks.keys) where isKnownUniquelyReferenced(&blocks[key]) { blocks[key] = nil }
        }
        let made = StatusBlock(entries: entries)
        blocks[entries] = made
        return made
    }

    /// `block` with `name` reported as `value`.
    public func reporting(_ name: String, _ value: String, in block: StatusBlock) -> StatusBlock {
        if block[name] == value { return block }
        var entries = block.entries
        if let index = entries.firstIndex(where: { $0.name == name }) {
            entries[index] = StatusBlock.Entry(name: name, value: value)
        } else {
            entries.append(StatusBlock.Entry(name: name, value: value))
        }
        return intern(entries)
    }
}
