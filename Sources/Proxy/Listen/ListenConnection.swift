import ByteKit
import EventLoop
import PostgresWire
import Sessions
import Settings

/// One notification: its channel and the message as the server sent it.
struct Notice: Sendable {
    let channel: String
    let message: [UInt8]
}

/// The hub's connection of one database: sends LISTEN and UNLISTEN, hears NotificationResponse.
final class ListenConnection: OwnConnection {
    /// A statement on its way, for which the server owes CommandComplete or an error, then ReadyForQuery.
    struct Command {
        let channel: String
        /// Which LISTEN of the hub it is; nil for UNLISTEN and NOTIFY.
        let serial: UInt64?
    }

    private unowned(unsafe) let owner: ListenHub
    private var hub: ListenHub { unsafe owner }
    private let place: ReservedPlace
    private let key: PoolKey
    private var commands = Ring<Command>()
    private var error: ServerError?

    /// The longest message understood; a NotificationResponse has at most 8 KB.
    private static let longestMessage = 1 << 20

    init(_ hub: ListenHub, worker: Worker, place: ReservedPlace, pool: Pool, login: ServerLogin) {
        unsafe owner = hub
        self.place = place
        key = pool.global.key
        super.init(
            worker: worker, login: login, cluster: pool.cluster, timeout: pool.settings.serverConnectTimeout)
    }

    func listen(_ channel: String, _ serial: UInt64) { command("LISTEN ", channel, serial) }
    func unlisten(_ channel: String) { command("UNLISTEN ", channel, nil) }
    func notify(_ channel: String) { command("NOTIFY ", channel, nil) }

    private func command(_ verb: String, _ channel: String, _ serial: UInt64?) {
        commands.append(Command(channel: channel, serial: serial))
        var out = ByteWriter(capacity: 96)
        let mark = out.begin(FrontendTag.query)
        out.raw(Array(verb.utf8))
        out.u8(0x22)
        for byte in channel.utf8 {
            if byte == 0x22 { out.u8(0x22) }
            out.u8(byte)
        }
        out.u8(0x22)
        out.u8(0)
        out.end(mark)
        send(out.take())
    }

    /// Ends it; the hub knows.
    func finish() {
        end()
        place.release(worker, key)
    }

    override func opened(_ statuses: [StatusBlock.Entry]) { hub.opened(self) }

    override func failedToOpen(_ failure: ConnectFailure) {
        place.release(worker, key)
        hub.failedToOpen(failure, self)
    }

    override func lost(_ why: String) {
        place.release(worker, key)
        hub.lost(why, self)
    }

    override func openReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        var notices: [Notice] = []
        let used = unsafe read(bytes.bytes, &notices)
        if !notices.isEmpty { hub.heard(notices, self) }
        guard let used else {
            finish()
            hub.lost("it sent what nothing asked for", self)
            return bytes.count
        }
        return used
    }

    /// Answers how many bytes are done with, nil when the conversation makes no sense any more.
    private func read(_ bytes: RawSpan, _ notices: inout [Notice]) -> Int? {
        var position = 0
        while true {
            guard case .header(let tag, let body, let end) = scanFrame(bytes, at: position) else {
                return bytes.byteCount &- position < 5 ? position : nil
            }
            guard end &- position <= Self.longestMessage else { return nil }
            guard end <= bytes.byteCount else { return position }
            switch tag {
            case BackendTag.notificationResponse:
                var cursor = ByteCursor(bytes.extracting(body..<end))
                guard cursor.i32() != nil, let channel = cursor.cString() else { return nil }
                notices.append(
                    Notice(
                        channel: cursor.string(channel), message: bytes.extracting(position..<end).toArray()))
            case BackendTag.errorResponse:
                error = ServerError(body: bytes.extracting(body..<end))
            case BackendTag.readyForQuery:
                guard let command = commands.popFirst() else { return nil }
                let failure = error
                error = nil
                hub.answered(command, failure, self)
            case BackendTag.commandComplete, BackendTag.parameterStatus, BackendTag.noticeResponse:
                break
            default:
                return nil
            }
            position = end
            if phase == .closed { return bytes.byteCount }
        }
    }
}
