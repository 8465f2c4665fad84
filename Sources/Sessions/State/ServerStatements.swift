/// Which prepared statements a server connection holds, by the serial of the statement, least recently used first.
/// Bounded by `max_prepared_statements`: what no longer fits is closed on the server.
public struct ServerStatements: Sendable {
    private struct Node {
        var serial: UInt64
        var older: Int32
        var newer: Int32
    }

    private var nodes: ContiguousArray<Node> = []
    private var free: ContiguousArray<Int32> = []
    private var table: [UInt64: Int32] = [:]
    private var oldest: Int32 = -1
    private var newest: Int32 = -1
    /// How many statements may be held.
    public var limit: Int
    /// Statements the server may hold although they do not count as held: closed before they are parsed again.
    var doubtful: Set<UInt64> = []

    /// None held.
    public init(limit: Int) { self.limit = limit }

    /// How many are held.
    public var count: Int { table.count }

    /// Whether `serial` is held; if so it is now the most recently used.
    public mutating func touch(_ serial: UInt64) -> Bool {
        if newest >= 0, nodes[Int(newest)].serial == serial { return true }
        guard let index = table[serial] else { return false }
        unlink(index)
        link(index)
        return true
    }

    /// Enters `serial` as the most recently used.
    public mutating func insert(_ serial: UInt64) {
        if touch(serial) { return }
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            nodes[Int(index)].serial = serial
        } else {
            index = Int32(truncatingIfNeeded: nodes.count)
            nodes.append(Node(serial: serial, older: -1, newer: -1))
        }
        table[serial] = index
        link(index)
    }

    /// Takes out the least recently used statement when another would be one too many; it must be closed on the server.
    public mutating func evictIfFull() -> UInt64? {
        guard table.count >= max(1, limit), oldest >= 0 else { return nil }
        let serial = nodes[Int(oldest)].serial
        remove(serial)
        return serial
    }

    /// Forgets `serial`.
    public mutating func remove(_ serial: UInt64) {
        guard let index = table.removeValue(forKey: serial) else { return }
        unlink(index)
        free.append(index)
    }

    /// What is held is closed and parsed again at its next use.
    mutating func doubtAll() {
        doubtful.formUnion(table.keys)
        let kept = doubtful
        removeAll()
        doubtful = kept
    }

    /// Forgets all, after the server dropped them (`DISCARD ALL`, `DEALLOCATE ALL`).
    public mutating func removeAll() { self = ServerStatements(limit: limit) }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        if node.older >= 0 { nodes[Int(node.older)].newer = node.newer } else { oldest = node.newer }
        if node.newer >= 0 { nodes[Int(node.newer)].older = node.older } else { newest = node.older }
    }

    private mutating func link(_ index: Int32) {
        nodes[Int(index)].older = newest
        nodes[Int(index)].newer = -1
        if newest >= 0 { nodes[Int(newest)].newer = index } else { oldest = index }
        newest = index
    }
}
