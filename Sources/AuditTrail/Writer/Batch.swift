import Settings

/// Records that go to the file with one write: complete lines, and where in them the parts lie that would change if they
/// had to be chained again.
struct Batch: ~Copyable {
    var lines = LineBuffer(capacity: 1 << 16)
    private(set) var marks: [FinishedLine] = []
    /// Whether a record asks to be on disk before anything goes on: everything that is not relaxed.
    var mustSync = false

    var isEmpty: Bool { marks.isEmpty }
    var count: Int { marks.count }

    mutating func reset() {
        lines.reset(keeping: 1 << 21)
        marks.removeAll(keepingCapacity: true)
        mustSync = false
    }

    /// Chains the line that was written from `start` on.
    @inline(__always)
    mutating func finish(_ start: Int, _ lineMarks: LineMarks, _ state: inout ChainState) {
        marks.append(FinishedLine(start: start, marks: lineMarks))
        Chain.finish(&lines, from: start, lineMarks, &state)
    }

    /// The last line is a checkpoint.
    mutating func markCheckpoint() { if !marks.isEmpty { marks[marks.count - 1].isCheckpoint = true } }

    /// The records of a batch that could not be written, taken out of it.
    struct Kept: ~Copyable {
        var lines: LineBuffer
        let marks: [FinishedLine]
        let mustSync: Bool
    }

    /// Takes everything out, to be put behind something else.
    mutating func takeAll() -> Kept {
        var taken = Kept(lines: LineBuffer(capacity: 1 << 16), marks: marks, mustSync: mustSync)
        swap(&taken.lines, &lines)
        marks = []
        mustSync = false
        return taken
    }

    /// Chains what was taken out behind what is there now; its checkpoints are gone.
    mutating func append(_ kept: borrowing Kept, _ state: inout ChainState) {
        marks += Chain.again(kept.lines, kept.marks, &state, into: &lines)
        if kept.mustSync { mustSync = true }
    }
}

extension LineEncoder {
    /// A frame as a line of the batch; false for a definition, which makes none.
    mutating func encode(
        _ head: FrameHead, _ payload: UnsafeRawBufferPointer, _ tables: ProducerTables, now: UInt64,
        into batch: inout Batch, _ state: inout ChainState
    ) -> Bool {
        guard let type = head.type else { return false }
        let start = batch.lines.count
        switch type {
        case .session, .endSession, .shape, .backend:
            _ = unsafe tables.apply(type, payload)
            return false
        case .skip: return false
        case .event:
            guard let marks = unsafe event(payload, now: now, tables, into: &batch.lines) else { return false }
            batch.finish(start, marks, &state)
        case .statement:
            let size = MemoryLayout<AuditStatement>.stride
            guard payload.count >= size &+ 8, let base = payload.baseAddress else { return false }
            let errorCount = unsafe Int(payload.loadUnaligned(fromByteOffset: size, as: UInt32.self))
            let parameterCount = unsafe Int(payload.loadUnaligned(fromByteOffset: size &+ 4, as: UInt32.self))
            let errorEnd = size &+ 8 &+ errorCount
            guard errorEnd &+ parameterCount <= payload.count else { return false }
            let marks = unsafe statement(
                base.assumingMemoryBound(to: AuditStatement.self).pointee,
                error: UnsafeRawBufferPointer(rebasing: payload[(size &+ 8)..<errorEnd]),
                parameters: UnsafeRawBufferPointer(rebasing: payload[errorEnd..<errorEnd &+ parameterCount]),
                tables, into: &batch.lines)
            batch.finish(start, marks, &state)
        }
        if head.mode != .relaxed { batch.mustSync = true }
        return true
    }
}
