public import ByteKit

/// What a client wants to be told of its session in OK packets (`session_track_…`). A proxy asks its servers for all changes
/// of settings, for itself, and hands on what the client would have been told by a server of its own. What it needs nothing
/// of, transactions and GTIDs, servers are asked for only where the client is, and all they tell is handed on.
public struct SessionTracking: Equatable, Sendable {
    /// `session_track_transaction_info`.
    public enum TransactionInfo: UInt8, Sendable { case off, state, characteristics }

    /// `session_track_system_variables`: all of them (`*`).
    public private(set) var allVariables = false
    /// Or these, in lower case.
    public private(set) var variables: [[UInt8]]
    /// `session_track_schema`
    public var schema = true
    /// `session_track_state_change`
    public var stateChange = false
    /// `session_track_transaction_info`
    public var transactionInfo = TransactionInfo.off

    /// Where to go instead of this server: never told, or the client would leave the proxy. MariaDB lists it by default.
    private static let redirect = Array("redirect_url".utf8)

    /// Of a client that has asked for nothing else.
    public static let usual = SessionTracking()

    /// What servers of both families tell of when nobody has asked for anything else.
    public init() {
        variables = [
            "time_zone", "autocommit", "character_set_client", "character_set_results", "character_set_connection",
        ].map { Array($0.utf8) }
    }

    /// The client has set one of the variables that decide this, to a value as the server tells of it. False for any other
    /// variable.
    public mutating func set(_ name: RawSpan, _ value: RawSpan) -> Bool {
        let isOn = value.holds("ON") || value.holds("1")
        if name.holds("session_track_system_variables") {
            setVariables(value)
        } else if name.holds("session_track_schema") {
            schema = isOn
        } else if name.holds("session_track_state_change") {
            stateChange = isOn
        } else if name.holds("session_track_transaction_info") {
            transactionInfo =
                value.holds("CHARACTERISTICS") || value.holds("2")
                ? .characteristics : value.holds("STATE") || value.holds("1") ? .state : .off
        } else {
            return false
        }
        return true
    }

    /// The client has set one of these variables to `DEFAULT`.
    public mutating func reset(_ name: String) {
        let usual = Self.usual
        switch name {
        case "session_track_system_variables": (allVariables, variables) = (usual.allVariables, usual.variables)
        case "session_track_schema": schema = usual.schema
        case "session_track_state_change": stateChange = usual.stateChange
        case "session_track_transaction_info": transactionInfo = usual.transactionInfo
        default: break
        }
    }

    private mutating func setVariables(_ list: RawSpan) {
        allVariables = false
        variables = []
        var name: [UInt8] = []
        for at in 0...list.byteCount {
            let byte = at < list.byteCount ? list.u8(at: at) : UInt8(ascii: ",")
            if byte == UInt8(ascii: ",") {
                if name == [UInt8(ascii: "*")] { allVariables = true }
                if !name.isEmpty { variables.append(name) }
                name.removeAll(keepingCapacity: true)
            } else if byte > 0x20 {
                name.append(RawSpan.lowered(byte))
            }
        }
    }

    /// Whether the client is told of a change; `state` are the bytes it was read from.
    public func tells(of change: SessionChange, in state: RawSpan) -> Bool {
        switch change {
        case .variable(let name, _):
            let name = state.extracting(name)
            if name.holds(Self.redirect) { return false }
            return allVariables || variables.contains { name.holds($0) }
        case .schema: return schema
        case .stateChanged: return stateChange
        // MySQL 9.7 tells of BEGIN and COMMIT where nobody has asked, too.
        case .gtids, .transactionState, .transactionCharacteristics: return true
        // What is not known here was not asked for.
        case .other: return false
        }
    }

    /// How many bytes `write` appends.
    public func length(of state: RawSpan) -> Int {
        var total = 0
        var changes = SessionChanges()
        while let change = try? changes.next(in: state) {
            guard tells(of: change, in: state) else { continue }
            let body = Self.bodyLength(change)
            total &+= 1 &+ RawSpan.lengthEncodedSize(body) &+ body
        }
        return total
    }

    /// Appends the changes the client is told of, each in a block of its own; nothing if there are none. What cannot be read
    /// ends it.
    public func write(_ state: RawSpan, to out: inout ByteWriter) {
        var changes = SessionChanges()
        while let change = try? changes.next(in: state) {
            guard tells(of: change, in: state) else { continue }
            let body = UInt64(Self.bodyLength(change))
            switch change {
            case .variable(let name, let value):
                out.u8(0)
                out.lengthEncoded(body)
                out.lengthEncoded(state.extracting(name))
                out.lengthEncoded(state.extracting(value))
            case .schema(let text):
                out.u8(1)
                out.lengthEncoded(body)
                out.lengthEncoded(state.extracting(text))
            case .stateChanged(let yes):
                out.u8(2)
                out.lengthEncoded(body)
                out.u8(yes ? UInt8(ascii: "1") : UInt8(ascii: "0"))
            case .gtids(let text):
                out.u8(3)
                out.lengthEncoded(body)
                out.u8(0)
                out.lengthEncoded(state.extracting(text))
            case .transactionCharacteristics(let text):
                out.u8(4)
                out.lengthEncoded(body)
                out.lengthEncoded(state.extracting(text))
            case .transactionState(let text):
                out.u8(5)
                out.lengthEncoded(body)
                out.lengthEncoded(state.extracting(text))
            case .other: break
            }
        }
    }

    private static func bodyLength(_ change: SessionChange) -> Int {
        func text(_ range: Range<Int>) -> Int { RawSpan.lengthEncodedSize(range.count) &+ range.count }
        return switch change {
        case .variable(let name, let value): text(name) &+ text(value)
        case .schema(let range), .transactionCharacteristics(let range), .transactionState(let range): text(range)
        case .stateChanged: 1
        case .gtids(let range): 1 &+ text(range)
        case .other: 0
        }
    }
}

extension OKPacket {
    /// Appends the packet's payload for a client that is told of these changes only; without the flag that announces them if
    /// none is left, unless the client is to be told that there was one (`announces`). `source` is what the ranges point into.
    public func write(
        to out: inout ByteWriter, _ capabilities: MySQLCapabilities, source: RawSpan, telling tracking: SessionTracking,
        asEOF: Bool = false, announces: Bool = false
    ) {
        let tracks = capabilities.contains(.sessionTrack) && sessionState.upperBound <= source.byteCount
        let state = tracks ? source.extracting(sessionState) : source.extracting(0..<0)
        let kept = tracks ? tracking.length(of: state) : 0
        var rest = self
        rest.sessionState = 0..<0
        guard kept > 0 || tracks && announces else {
            return rest.write(to: &out, capabilities, source: source, asEOF: asEOF)
        }
        out.u8(asEOF ? 0xFE : 0x00)
        out.lengthEncoded(affectedRows)
        out.lengthEncoded(lastInsertID)
        out.le16(status.union(.sessionStateChanged).rawValue)
        out.le16(warnings)
        if info.upperBound <= source.byteCount { out.lengthEncoded(source.extracting(info)) } else { out.u8(0) }
        out.lengthEncoded(UInt64(kept))
        tracking.write(state, to: &out)
    }
}

extension RawSpan {
    @inline(__always)
    fileprivate static func lowered(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }

    /// How many bytes a length-encoded integer takes.
    @inline(__always)
    fileprivate static func lengthEncodedSize(_ value: Int) -> Int {
        value < 0xFB ? 1 : value <= 0xFFFF ? 3 : value <= 0xFF_FFFF ? 4 : 9
    }

    /// Whether the bytes are this word, whatever case they are in.
    fileprivate func holds(_ word: StaticString) -> Bool {
        guard byteCount == word.utf8CodeUnitCount else { return false }
        for at in 0..<byteCount where Self.lowered(u8(at: at)) != Self.lowered(unsafe word.utf8Start[at]) {
            return false
        }
        return true
    }

    /// Whether the bytes are this word of lower case, whatever case they are in.
    fileprivate func holds(_ word: [UInt8]) -> Bool {
        guard byteCount == word.count else { return false }
        for at in 0..<byteCount where Self.lowered(u8(at: at)) != word[at] { return false }
        return true
    }
}
