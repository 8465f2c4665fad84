import ByteKit
import PostgresWire

/// A batch that can be sent once more: the first thing it asks of the server is to use a named statement, outside a
/// transaction. If the server says "cached plan must not change result type", nothing has happened yet and the client
/// has read nothing yet, so the statement is prepared anew and the same bytes go again.
///
/// One for each server, so that no client has a buffer. The bytes are copied once, when the batch is whole or the span
/// ends.
struct BatchRetry: ~Copyable {
    private enum State: UInt8 {
        case none
        /// Messages up to the Sync are still to come.
        case recording
        /// The Sync has been sent.
        case whole
        /// It cannot be sent again, but something is kept back from the client.
        case spoilt
    }

    private var state = State.none
    /// Where in the span being read the part that is not kept yet begins.
    private var start = 0
    private var bytes = ByteWriter(capacity: 512)
    /// A ParameterDescription kept from the client until it is certain that no error follows it, as it does when the
    /// batch begins with Describe.
    private var description: [UInt8] = []
    /// The error that is kept from the client; empty if there is none.
    private var refusal: [UInt8] = []
    /// The statement the batch begins with.
    private(set) var serial: UInt64 = 0

    /// A longer batch is not kept.
    static let limit = 64 << 10

    /// Whether the messages now sent belong to the batch.
    var isRecording: Bool { state == .recording }
    /// Whether there is anything to forget or to give.
    var isActive: Bool { state != .none }
    /// Whether what comes behind the Sync is certain to be too late.
    var isWhole: Bool { state == .whole }
    /// Whether the batch can be sent again, as far as is known now.
    var isPossible: Bool { state == .whole || state == .recording }
    /// Whether the server has refused: its ReadyForQuery is still to come.
    var isRefused: Bool { !refusal.isEmpty }
    /// Whether the error must be told: the batch cannot be sent again.
    var owesError: Bool { state == .spoilt && !refusal.isEmpty }

    /// The message at `position` uses the statement, and is the first of its batch that the server gets.
    mutating func begin(_ serial: UInt64, at position: Int) {
        state = .recording
        start = position
        self.serial = serial
        bytes.reset()
    }

    /// A new span is read: what is sent of it belongs to the batch.
    mutating func resume() { start = 0 }

    /// Everything up to `end` belongs to the batch; `isWhole` if that is its Sync's end.
    mutating func keep(_ span: RawSpan, upTo end: Int, isWhole: Bool) {
        guard bytes.count &+ (end &- start) <= Self.limit, start <= end, end <= span.byteCount else { return forget() }
        bytes.span(span.extracting(start..<end))
        start = end
        if isWhole { state = .whole }
    }

    /// The server has refused the statement with this ErrorResponse.
    mutating func refuse(_ error: RawSpan) {
        refusal = error.toArray()
        description = []
    }

    /// Keeps a ParameterDescription back.
    mutating func hold(_ message: RawSpan) { description = message.toArray() }

    /// Whether the client has not been given everything.
    var keepsBack: Bool { !description.isEmpty || !refusal.isEmpty }

    /// What was kept back, which goes to the client now.
    mutating func takeKeptBack() -> [UInt8] {
        let kept = description + refusal
        description = []
        refusal = []
        forget()
        return kept
    }

    /// It will not be sent again.
    mutating func forget() {
        state = description.isEmpty && refusal.isEmpty ? .none : .spoilt
        bytes.reset()
    }

    /// The batch, to be relayed as if the client had sent it now.
    mutating func take() -> [UInt8] {
        state = .none
        refusal = []
        return bytes.take()
    }
}

extension ServerError {
    /// What a server says of such a plan.
    static let stalePlan = ServerError(
        PostgresError(.error, "0A000", "cached plan must not change result type"))

    /// Whether a plan the server kept does not fit any more what its statement means now (SQLSTATE 0A000 has many
    /// reasons, and the message is translated; the routine, field `R`, is not).
    static func isStalePlan(_ body: RawSpan) -> Bool {
        var cursor = ByteCursor(body)
        var isUnsupported = false
        var isRevalidation = false
        while let code = cursor.u8(), code != 0, let range = cursor.cString() {
            if code == 0x43 { isUnsupported = body.extracting(range).equals("0A000") }
            if code == 0x52 { isRevalidation = body.extracting(range).equals("RevalidateCachedQuery") }
        }
        return isUnsupported && isRevalidation
    }
}

extension SessionEnvironment {
    /// Relays the batch once more whose statement the server has refused; plans what is sent in `toServer` and
    /// `toClient`. Answers the bytes the plans refer to.
    public func repeatBatch(from client: ClientSession, to server: ServerSession) -> [UInt8] {
        let batch = server.retry.take()
        server.auditedBefore = []
        _ = batch.withSpan { relay($0, from: client, to: server) }
        // Once is enough.
        server.retry.forget()
        return batch
    }

    /// Gives the client what was kept back of the server's answers; nearly always that is nothing.
    func giveKeptBack(_ server: ServerSession, _ client: ClientSession?, _ bytes: RawSpan) {
        if server.retry.keepsBack { give(server, client, bytes) } else { server.retry.forget() }
    }

    @inline(never)
    private func give(_ server: ServerSession, _ client: ClientSession?, _ bytes: RawSpan) {
        if !server.auditedBefore.isEmpty { noteRefused(server) }
        let kept = server.retry.takeKeptBack()
        if client != nil && !kept.isEmpty { toClient.make(bytes) { $0.raw(kept) } }
    }
}
