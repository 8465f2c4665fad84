/// Which server reads a text: what `/*!80000 … */` does hangs on it.
public struct MySQLServerVersion: Sendable, Equatable {
    /// MariaDB, which skips `/*!50700` to `/*!99999` and runs `/*M! … */`.
    public let isMariaDB: Bool
    /// As in the comments: 90704 is 9.7.4, 101119 is 10.11.19.
    public let number: UInt32

    /// A version.
    public init(isMariaDB: Bool, number: UInt32) {
        self.isMariaDB = isMariaDB
        self.number = number
    }

    /// Reads what a server says of itself: `9.7.4-2`, `5.5.5-10.11.19-MariaDB-log`. nil for anything else.
    public init?(parsing text: String) {
        let isMariaDB = text.lowercased().contains("mariadb")
        var bytes = Array(text.utf8)
        if isMariaDB, bytes.starts(with: "5.5.5-".utf8) { bytes.removeFirst(6) }
        var parts: [UInt32] = [0]
        for byte in bytes {
            if byte == UInt8(ascii: "."), parts.count < 3 {
                parts.append(0)
            } else if case let digit = byte &- UInt8(ascii: "0"), digit < 10, parts[parts.count &- 1] < 100 {
                parts[parts.count &- 1] = parts[parts.count &- 1] &* 10 &+ UInt32(digit)
            } else {
                break
            }
        }
        guard parts.count == 3, parts[0] > 0, parts.allSatisfy({ $0 < 100 }) else { return nil }
        self.init(isMariaDB: isMariaDB, number: parts[0] &* 10_000 &+ parts[1] &* 100 &+ parts[2])
    }

    /// Whether the server runs the body of `/*!<version>`, or of `/*M!<version>` if it is `mariadbOnly`; nil stands for no
    /// version.
    func runs(_ version: UInt32?, mariadbOnly: Bool) -> Bool {
        if mariadbOnly, !isMariaDB { return false }
        guard let version else { return true }
        if isMariaDB, !mariadbOnly, (50_700...99_999).contains(version) { return false }
        return version <= number
    }

    /// Both in one number that is never 0.
    var bits: UInt32 { (isMariaDB ? 1 << 23 : 1 << 22) | number & 0x3F_FFFF }
}
