internal import ByteKit

/// Heads and definitions.
extension ReplyTracker {
    /// OK, a request for a file, or the head of a result set.
    mutating func result(_ head: RawSpan, _ length: Int) -> ReplyEvent {
        switch head.u8(at: 0) {
        case 0x00: return ok(head)
        case 0xFB where command == .query || command == .execute:
            state = .clientFile
            return .localFile
        case 0xFE:
            // COM_SET_OPTION, COM_DEBUG and COM_SHUTDOWN are answered with EOF packets.
            guard isEnd(length), end(head) else { return violation() }
            return nextResult(.resultEnd)
        default:
            guard let found = try? ResultHead(parsing: head, capabilities) else { return violation() }
            summary.columns = found.columns
            summary.endsWithRows = true
            // Without definitions there is nothing for an EOF packet to end, but it is sent all the same.
            state = found.hasMetadata ? .definitions(found.columns) : hasEOF ? .definitionsEnd : .rows
            return .head(columns: found.columns)
        }
    }

    mutating func definition(_ head: RawSpan, _ length: Int) -> ReplyEvent {
        guard case .definitions(let left) = state else {
            guard head.u8(at: 0) == 0xFE, length < 9, endOfFile(head) else { return violation() }
            // With a cursor, the rows wait for COM_STMT_FETCH.
            if summary.status?.contains(.cursorExists) ?? false { return nextResult(.resultEnd) }
            state = .rows
            return .definitionsEnd
        }
        guard head.u8(at: 0) != 0xFE else { return violation() }
        state = left > 1 ? .definitions(left &- 1) : hasEOF ? .definitionsEnd : .rows
        return .definition
    }

    /// The reply to COM_STMT_PREPARE: parameters first, then columns.
    mutating func prepared(_ head: RawSpan, _ length: Int) -> ReplyEvent {
        switch state {
        case .prepareHead:
            guard let reply = try? PrepareReply(parsing: head, capabilities) else { return violation() }
            summary.prepared = reply
            summary.warnings = reply.warnings
            afterHead(reply)
            return .prepared
        case .parameters(let left):
            guard head.u8(at: 0) != 0xFE else { return violation() }
            if left > 1 { state = .parameters(left &- 1) } else { afterParameters() }
            return .definition
        case .preparedColumns(let left):
            guard head.u8(at: 0) != 0xFE else { return violation() }
            state = left > 1 ? .preparedColumns(left &- 1) : hasEOF ? .preparedColumnsEnd : .complete
            return .definition
        case .parametersEnd, .preparedColumnsEnd:
            guard head.u8(at: 0) == 0xFE, length < 9, endOfFile(head) else { return violation() }
            if state == .parametersEnd { columnsOrEnd() } else { state = .complete }
            return .definitionsEnd
        case .complete, .result, .definitions, .definitionsEnd, .rows, .clientFile, .fieldList, .statistics,
            .authentication, .binlog, .violated:
            return violation()
        }
    }

    /// Definitions that were left out are still followed by the EOF packet that ends them.
    private mutating func afterHead(_ reply: PrepareReply) {
        guard reply.parameters > 0 else { return columnsOrEnd() }
        if reply.hasMetadata { state = .parameters(Int(reply.parameters)) } else { afterParameters() }
    }

    private mutating func afterParameters() {
        if hasEOF { state = .parametersEnd } else { columnsOrEnd() }
    }

    private mutating func columnsOrEnd() {
        let columns = Int(summary.prepared?.columns ?? 0)
        guard columns > 0 else {
            state = .complete
            return
        }
        if summary.prepared?.hasMetadata ?? true {
            state = .preparedColumns(columns)
        } else {
            state = hasEOF ? .preparedColumnsEnd : .complete
        }
    }
}
