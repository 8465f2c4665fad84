import Credentials

/// Where a stream stands: how many records it has, and the hash of the last.
struct ChainState: Equatable, Sendable {
    var sequence: UInt64 = 0
    var hash = ChainHash()
}

/// Ties every record to the one before it:
///
///     hash = SHA-256("headgate.audit.v1" ‖ hash before (32 bytes) ‖ the line up to, not including, `,"hash":"sha256:`)
enum Chain {
    static let label: StaticString = "headgate.audit.v1"
    static let tail: StaticString = #","hash":"sha256:"#
    /// `,"hash":"sha256:<64>"}}\n`
    static let tailLength = 16 + 64 + 4

    /// Finishes the line that begins at `start`, whose sequence number comes next.
    @inline(__always)
    static func finish(_ line: inout LineBuffer, from start: Int, _ marks: LineMarks, _ state: inout ChainState) {
        line.overwrite(marks.previous, with: state.hash)
        state.sequence &+= 1
        line.decimal(state.sequence)
        state.hash = unsafe line.withBytes(start, line.count) {
            unsafe ChainHash(chaining: state.hash, label: label, $0)
        }
        line.literal(tail)
        line.hexadecimal(state.hash)
        line.literal("\"}}\n")
    }

    /// Chains finished lines again behind another state, into `out`; answers where its lines are. What a checkpoint has
    /// signed is no longer so, hence they are left out.
    static func again(
        _ lines: borrowing LineBuffer, _ marks: [FinishedLine], _ state: inout ChainState, into out: inout LineBuffer
    ) -> [FinishedLine] {
        var all: [FinishedLine] = []
        all.reserveCapacity(marks.count)
        for line in marks where !line.isCheckpoint {
            let start = out.count
            unsafe lines.withBytes(line.start, line.marks.sequence) {
                if let from = $0.baseAddress { unsafe out.copy(from, $0.count) }
            }
            let moved = LineMarks(previous: line.marks.previous &- line.start &+ start, sequence: out.count)
            all.append(FinishedLine(start: start, marks: moved))
            finish(&out, from: start, moved, &state)
        }
        return all
    }
}

/// A line of a batch.
struct FinishedLine {
    var start: Int
    var marks: LineMarks
    var isCheckpoint = false
}
