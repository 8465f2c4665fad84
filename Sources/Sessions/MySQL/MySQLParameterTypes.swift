import ByteKit
import MySQLWire

/// What the servers of MySQL (8.0.22 and later) have made of a statement's parameters. A parameter that no column gives a
/// type, as in `SELECT ?`, gets the type of what is bound to it first, and what is bound to it later is made that: a string
/// where a number was, a number. So clients that bind other types must not share a server's statement.
struct MySQLParameterTypes: Equatable {
    private enum Kind: UInt8 {
        /// Nothing was bound yet.
        case none
        case string, integer, unsigned, decimal, double, date, time, dateTime

        init(_ type: UInt8, _ flags: UInt8) {
            switch type {
            case MySQLType.null: self = .none
            case MySQLType.tiny, MySQLType.short, MySQLType.long, MySQLType.longLong, MySQLType.int24, MySQLType.year,
                MySQLType.bool:
                self = flags & 0x80 != 0 ? .unsigned : .integer
            case MySQLType.decimal, MySQLType.newDecimal: self = .decimal
            case MySQLType.float, MySQLType.double: self = .double
            case MySQLType.date: self = .date
            case MySQLType.time: self = .time
            case MySQLType.timestamp, MySQLType.dateTime: self = .dateTime
            default: self = .string
            }
        }

        var isNumber: Bool { rawValue >= Kind.integer.rawValue && rawValue <= Kind.double.rawValue }

        /// What it is with a value of `other` bound to it.
        func binding(_ other: Kind) -> Kind {
            if other == .none || other == .string && self != .none { return self }
            if isNumber, other.isNumber { return other.rawValue > rawValue ? other : self }
            return other
        }
    }

    /// A byte for each parameter.
    private(set) var kinds: [UInt8]

    /// Of a statement that was not executed yet.
    init(count: Int) { kinds = [UInt8](repeating: Kind.none.rawValue, count: count) }

    /// Values of these types are bound, two bytes each; false if that changes nothing.
    mutating func bind(_ types: RawSpan) -> Bool {
        var isChanged = false
        for index in kinds.indices where index &* 2 &+ 2 <= types.byteCount {
            let bound = Kind(types.u8(at: index &* 2), types.u8(at: index &* 2 &+ 1))
            let made = (Kind(rawValue: kinds[index]) ?? .none).binding(bound).rawValue
            if made != kinds[index] {
                kinds[index] = made
                isChanged = true
            }
        }
        return isChanged
    }
}

/// Numbers for `MySQLParameterTypes`, which name them in `MySQLStatementKey`: 0 is that of statements not executed yet.
struct MySQLTypeNumbers {
    private var known: [[UInt8]: UInt32] = [:]
    private var last: UInt32 = 0

    /// Statements of types that were forgotten are prepared again.
    private static let most = 4096
    /// Longer ones are not looked up: columns give most of them their types.
    private static let longest = 256

    mutating func number(of types: MySQLParameterTypes) -> UInt32 {
        guard types.kinds.count <= Self.longest else {
            last &+= 1
            return last
        }
        if let found = known[types.kinds] { return found }
        if known.count >= Self.most { known.removeAll() }
        last &+= 1
        known[types.kinds] = last
        return last
    }
}

extension MySQLEnvironment {
    /// An execution with these types in it comes: the statement it runs is one whose parameters were made that.
    func bind(_ types: RawSpan, _ statement: MySQLClientStatement) {
        guard statement.typesNow == 0 || !statement.types.withSpan({ $0.equals(types) }), statement.made.bind(types)
        else { return }
        statement.typesBefore = statement.typesNow
        statement.typesNow = typeNumbers.number(of: statement.made)
        if statement.key.own == 0 { statement.key.types = statement.typesNow }
    }
}
