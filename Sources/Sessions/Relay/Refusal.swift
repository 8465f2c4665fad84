import ByteKit
public import PostgresWire

extension SessionEnvironment {
    /// Answers what a client without a server asks first with `error`, as a server would: the simple Query or the batch
    /// up to its Sync. Plans the answer in `toClient`; answers how many bytes are done with.
    ///
    /// If the batch has not come to its end, what follows up to Sync is discarded when it comes.
    public func refuse(_ bytes: RawSpan, with error: PostgresError, _ client: ClientSession) -> Int {
        toClient.make(bytes) { error.write(to: &$0) }
        if client.trail != nil { noteRefusal(bytes, error, client) }
        var position = 0
        while case .header(let tag, _, let end) = scanFrame(bytes, at: position) {
            if end > bytes.byteCount {
                client.passThrough = end &- bytes.byteCount
                client.passDiscarded = true
                if tag == FrontendTag.query || tag == FrontendTag.functionCall {
                    toClient.make(bytes) { $0.readyForQuery(.idle) }
                } else {
                    client.isSkippingAlone = true
                }
                return bytes.byteCount
            }
            position = end
            if tag == FrontendTag.query || tag == FrontendTag.functionCall || tag == FrontendTag.sync {
                toClient.make(bytes) { $0.readyForQuery(.idle) }
                return position
            }
        }
        client.isSkippingAlone = true
        return position
    }
}
