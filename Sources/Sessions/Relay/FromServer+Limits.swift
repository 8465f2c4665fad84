import ByteKit
import PostgresWire

/// Answers that are longer than the client's application may be given.
extension SessionEnvironment {
    /// Whether a message makes the answer longer than it may be; counts it.
    func exceeds(_ tag: UInt8, _ length: Int, _ server: ServerSession, _ client: ClientSession) -> Bool {
        guard tag == BackendTag.dataRow || tag == BackendTag.copyData, !server.isCut,
            server.expected.first?.isHidden == false, let rules = client.rules, rules.limitsResults
        else { return false }
        server.answer.add(length)
        return rules.isTooMuch(server.answer)
    }

    /// The client reads an error here; everything up to the ReadyForQuery that ends what it has sent goes nowhere.
    func cut(_ bytes: RawSpan, _ server: ServerSession, _ client: ClientSession) {
        guard let rules = client.rules else { return }
        let error = rules.refuse(.answer(rules, server.answer))
        toClient.make(bytes) { error.write(to: &$0) }
        server.isCut = true
        toClient.isMuted = true
    }

    /// Makes the open transaction fail, as the client believes it has; the bytes to send. Its ReadyForQuery is the
    /// client's.
    public func abortTransaction(_ server: ServerSession) -> [UInt8] {
        hidden(Array("headgate: a limit of the application ends this transaction".utf8), server)
    }
}
