import ByteKit
import PostgresWire
public import SQLText

/// Where the sessions of one worker and protocol note what became of their clients' statements, for an audit trail. Says
/// nothing of files: whoever drives the sessions takes the outcomes after each step. Confined to its worker.
public final class StatementTrail {
    /// Classes whose statements wait until their intent is on record.
    public var strict: StatementClasses = []
    /// The trail has no room for more, or cannot write: new statements wait as strict ones do.
    public var isFull = false
    /// Parameters are kept for the record.
    public var keepsParameters = false
    /// Texts are kept for the record.
    public var keepsText = false
    /// The time, in nanoseconds of a clock that never goes back; set before each step.
    public var now: UInt64 = 0
    /// Its sessions speak MySQL.
    public let isOfMySQL: Bool
    /// Numbers of sessions that are gone; whoever takes them empties it.
    public var freedSlots: ContiguousArray<UInt32> = []
    /// What has ended since this was last emptied.
    public internal(set) var outcomes: ContiguousArray<StatementOutcome> = []
    /// The statement in front of the client that was told `.needTrail`.
    private var intended: OpenStatement?

    let shapes: ShapeTable
    /// The statement that is about to be sent.
    var opening: OpenStatement?
    /// Stands for a text too long to be read.
    let unread = StatementShape.unread
    /// Stands for a FunctionCall, which has no text.
    let functionCall = StatementShape(.function, operation: "FUNCTION CALL", writes: true)
    /// Stands for an execution of what was never prepared.
    let unknownStatement = StatementShape(.unknown, operation: "EXECUTE", writes: true)
    /// MySQL's commands that are statements without a text, by number.
    let commands: [UInt8: StatementShape]
    private var lastID: UInt64
    private var lastTransaction: UInt64

    /// Parameters beyond this are not kept.
    static let longestParameters = 64 << 10

    /// An empty trail. `origin` is in the high byte of every number it gives out.
    public init(dialect: SQLDialect, origin: UInt8) {
        isOfMySQL = dialect == .mysql
        shapes = ShapeTable(dialect: dialect)
        commands = dialect == .mysql ? Self.commandShapes() : [:]
        lastID = UInt64(origin) << 56
        lastTransaction = lastID
        outcomes.reserveCapacity(64)
    }

    /// Forgets the outcomes that were taken.
    @inline(__always)
    public func taken() { outcomes.removeAll(keepingCapacity: true) }

    /// Whose intent is to be on record: the statement in front of the client that was told `.needTrail`.
    public func takeIntended() -> OpenStatement? { intended.take() }

    /// Its intent is on record: it may go.
    public func grant(_ statement: OpenStatement) { statement.session.granted = statement }

    /// It is refused.
    public func deny(_ statement: OpenStatement, _ refusal: TrailRefusal) {
        statement.session.granted = statement
        statement.session.denied = refusal
    }

    /// Its client has gone before it was sent.
    public func withdraw(_ statement: OpenStatement) { ended(statement, .skipped) }

    /// What is to be done with a statement before it is sent.
    enum Admission {
        /// It is `opening`.
        case go
        /// Its intent is `intended`.
        case wait
        case refuse(TrailRefusal)
    }

    /// A statement is about to be sent; `text` are its bytes.
    func admit(
        _ shape: StatementShape, _ session: TrailSession, _ path: StatementPath, trace: TraceContext?, text: RawSpan,
        parameters: [UInt8] = [], bytesIn: Int, isInTransaction: Bool
    ) -> Admission {
        if let granted = session.granted.take() {
            if let refusal = session.denied.take() {
                ended(granted, .denied)
                return .refuse(refusal)
            }
            opening = granted
            return .go
        }
        if !isInTransaction || session.transaction == 0 {
            lastTransaction &+= 1
            session.transaction = lastTransaction
            session.transactionIndex = 0
        }
        let made = OpenStatement(
            session: session, shape: shape, id: lastID &+ 1, startedAt: now &- session.waited, waited: session.waited,
            path: path, trace: trace, textLength: text.byteCount, text: keepsText ? RawSQL(text) : nil,
            parameters: parameters, transaction: session.transaction, transactionIndex: session.transactionIndex,
            bytesIn: UInt64(truncatingIfNeeded: bytesIn))
        lastID &+= UInt64(truncatingIfNeeded: shape.parts.count)
        session.transactionIndex &+= 1
        session.waited = 0
        if isFull || !strict.isDisjoint(with: shape.classes) {
            intended = made
            return .wait
        }
        opening = made
        return .go
    }

    /// A client's Parse: recorded only if it fails.
    func parse(
        _ shape: StatementShape, _ session: TrailSession, trace: TraceContext?, text: RawSpan, bytesIn: Int
    ) -> OpenStatement {
        lastID &+= 1
        return OpenStatement(
            session: session, shape: shape, id: lastID, startedAt: now, waited: 0, path: .prepare, trace: trace,
            textLength: text.byteCount, text: keepsText ? RawSQL(text) : nil, parameters: [],
            transaction: session.transaction, transactionIndex: session.transactionIndex,
            bytesIn: UInt64(truncatingIfNeeded: bytesIn))
    }

    /// A statement that is not sent since its server would skip it.
    func skipped(
        _ shape: StatementShape, _ session: TrailSession, _ path: StatementPath, trace: TraceContext?, text: RawSpan,
        bytesIn: Int
    ) {
        lastID &+= 1
        ended(
            OpenStatement(
                session: session, shape: shape, id: lastID, startedAt: now, waited: 0, path: path, trace: trace,
                textLength: text.byteCount, text: keepsText ? RawSQL(text) : nil, parameters: [],
                transaction: session.transaction, transactionIndex: session.transactionIndex,
                bytesIn: UInt64(truncatingIfNeeded: bytesIn)), .skipped)
    }

    /// A statement that is not sent, since it waited too long for a server or somebody gave it up.
    func refused(
        _ shape: StatementShape, _ session: TrailSession, _ path: StatementPath, trace: TraceContext?, text: RawSpan,
        bytesIn: Int, _ error: PostgresError
    ) {
        lastID &+= 1
        let statement = OpenStatement(
            session: session, shape: shape, id: lastID, startedAt: now, waited: 0, path: path, trace: trace,
            textLength: text.byteCount, text: keepsText ? RawSQL(text) : nil, parameters: [],
            transaction: session.transaction, transactionIndex: session.transactionIndex,
            bytesIn: UInt64(truncatingIfNeeded: bytesIn))
        lastID &+= UInt64(truncatingIfNeeded: shape.parts.count &- 1)
        ended(statement, .denied) { $0.note(error) }
    }

    /// The statement that was about to be sent is refused.
    func refuseOpening(_ error: PostgresError) {
        guard let refused = opening.take() else { return }
        ended(refused, .denied) { $0.note(error) }
    }

    /// All statements of a text have ended alike, from the next one on.
    func ended(_ statement: OpenStatement, _ end: StatementEnd, _ change: (inout StatementOutcome) -> Void = { _ in }) {
        guard statement.index < statement.shape.parts.count else { return }
        for index in statement.index..<statement.shape.parts.count {
            var outcome = StatementOutcome(statement: statement, index: index, end: end)
            change(&outcome)
            outcomes.append(outcome)
        }
    }
}
