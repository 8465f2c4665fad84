public import ByteKit

/// A worker's memory of the texts it has seen: what is understood once is found again by its bytes.
///
/// Open addressing on a seeded 64-bit hash; the bytes are compared, so no two texts are ever taken for one another. A
/// hit allocates nothing and costs one retain. Bounded by entries and by bytes; a clock hand drops what was not used
/// since it last came by. Not `Sendable`: one for each worker.
@safe
public final class StatementCache {
    /// How many lookups found their entry.
    public private(set) var hits: UInt64 = 0
    /// How many did not.
    public private(set) var misses: UInt64 = 0
    /// How many entries are kept.
    public private(set) var count = 0
    /// How many bytes the kept entries take, about.
    public private(set) var byteCount = 0

    /// Texts above this are understood but not kept.
    public static let longestKept = 64 << 10

    private let hash: Hash64
    private let maxEntries: Int
    private let maxBytes: Int
    private let mask: Int
    /// The hashes of the slots; 0 is an empty one.
    private let hashes: UnsafeMutablePointer<UInt64>
    private let entries: UnsafeMutablePointer<Unmanaged<StatementEntry>?>
    private var hand = 0
    private var lastSerial: UInt64 = 0
    private let plain: LexerOptions
    private var understanding: Understanding

    /// An empty cache. `maxBytes` bounds the stored texts with about 400 bytes for the facts of each.
    public init(
        seed: Hash64 = Hash64(), maxEntries: Int = 4096, maxBytes: Int = 16 << 20, dialect: SQLDialect = .postgres
    ) {
        hash = seed
        self.maxEntries = min(max(maxEntries, 1), 1 << 24)
        self.maxBytes = max(maxBytes, 0)
        var size = 16
        while size < self.maxEntries &* 2 { size &*= 2 }
        mask = size &- 1
        unsafe hashes = UnsafeMutablePointer<UInt64>.allocate(capacity: size)
        unsafe hashes.initialize(repeating: 0, count: size)
        unsafe entries = UnsafeMutablePointer<Unmanaged<StatementEntry>?>.allocate(capacity: size)
        unsafe entries.initialize(repeating: nil, count: size)
        plain = LexerOptions(dialect: dialect)
        understanding = Understanding(dialect: dialect, hash: seed)
    }

    deinit {
        for slot in 0...mask { unsafe entries[slot]?.release() }
        unsafe hashes.deallocate()
        unsafe entries.deallocate()
    }

    /// Whose SQL the texts are written in.
    var dialect: SQLDialect { plain.dialect }

    /// What a text means, without keeping it.
    func facts(of text: RawSpan, _ options: LexerOptions) -> StatementFacts {
        understanding.facts(of: text, options)
    }

    /// How many texts went to the parser.
    public var parses: UInt64 { understanding.parses }

    /// The entry of a text and the raw parameter types of a Parse message (or nothing): found, or made now.
    public func entry(text: RawSpan, types: RawSpan) -> StatementEntry {
        find(text, types, 0, plain)
    }

    /// The entry of a text as a session with other settings of quoting reads it; the dialect is always the cache's.
    public func entry(text: RawSpan, types: RawSpan, options: LexerOptions) -> StatementEntry {
        var options = options
        options.dialect = plain.dialect
        let bits = options.bits(for: text)
        return find(text, types, bits, bits == 0 ? plain : options)
    }

    @inline(__always)
    private func find(_ text: RawSpan, _ types: RawSpan, _ bits: UInt32, _ options: LexerOptions) -> StatementEntry {
        var key = hash(text)
        if types.byteCount > 0 { key = hash.mix(key, hash(types)) }
        if bits != 0 { key = hash.mix(key, UInt64(bits)) }
        if key == 0 { key = 1 }
        var slot = Int(truncatingIfNeeded: key) & mask
        while true {
            let found = unsafe hashes[slot]
            if found == 0 { break }
            if found == key,
                let entry = unsafe entries[slot]?._withUnsafeGuaranteedRef({ $0.matches(text, types, bits) ? $0 : nil })
            {
                hits &+= 1
                entry.referenced = true
                return entry
            }
            slot = (slot &+ 1) & mask
        }
        return miss(key, text, types, bits, options)
    }

    @inline(never)
    private func miss(
        _ key: UInt64, _ text: RawSpan, _ types: RawSpan, _ bits: UInt32, _ options: LexerOptions
    ) -> StatementEntry {
        misses &+= 1
        lastSerial &+= 1
        let keep = text.byteCount <= Self.longestKept && cost(text.byteCount &+ types.byteCount) <= maxBytes
        let entry = StatementEntry(
            hash: key, text: text, types: types, optionBits: bits, facts: understanding.facts(of: text, options),
            serial: lastSerial,
            cacheable: keep)
        if keep { insert(entry) }
        return entry
    }

    private func cost(_ bytes: Int) -> Int { bytes &+ 400 }

    private func insert(_ entry: StatementEntry) {
        let size = cost(entry.keyByteCount)
        while count >= maxEntries || count > 0 && byteCount &+ size > maxBytes { evictOne() }
        var slot = Int(truncatingIfNeeded: entry.hash) & mask
        while unsafe hashes[slot] != 0 { slot = (slot &+ 1) & mask }
        unsafe hashes[slot] = entry.hash
        unsafe entries[slot] = Unmanaged.passRetained(entry)
        count &+= 1
        byteCount &+= size
        entry.referenced = false
    }

    /// Moves the clock hand to the next entry nobody asked for since its last round, and drops it.
    private func evictOne() {
        while true {
            let slot = hand
            hand = (hand &+ 1) & mask
            guard let entry = unsafe entries[slot] else { continue }
            let spared = unsafe entry._withUnsafeGuaranteedRef { entry in
                defer { entry.referenced = false }
                return entry.referenced
            }
            if spared { continue }
            byteCount &-= unsafe entry._withUnsafeGuaranteedRef { cost($0.keyByteCount) }
            count &-= 1
            unsafe entry.release()
            close(slot)
            // What moved into the slot has not been looked at yet.
            hand = slot
            return
        }
    }

    /// Empties a slot and moves the entries behind it up, so that no search ends too early.
    private func close(_ emptied: Int) {
        var hole = emptied
        var slot = (hole &+ 1) & mask
        while unsafe hashes[slot] != 0 {
            let home = Int(truncatingIfNeeded: unsafe hashes[slot]) & mask
            if (slot &- home) & mask >= (slot &- hole) & mask {
                unsafe hashes[hole] = hashes[slot]
                unsafe entries[hole] = entries[slot]
                hole = slot
            }
            slot = (slot &+ 1) & mask
        }
        unsafe hashes[hole] = 0
        unsafe entries[hole] = nil
    }
}
