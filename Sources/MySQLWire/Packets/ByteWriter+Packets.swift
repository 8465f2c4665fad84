public import ByteKit

extension ByteWriter {
    /// Starts a packet with this sequence id; answers where it begins.
    public mutating func beginPacket(_ sequence: UInt8) -> Int {
        let mark = count
        packetHeader(length: 0, sequence: sequence)
        return mark
    }

    /// Appends the header of a packet whose body of `length` bytes follows from elsewhere.
    @inline(__always)
    public mutating func packetHeader(length: Int, sequence: UInt8) {
        le32(UInt32(truncatingIfNeeded: length & MySQLPacket.longestBody) | UInt32(sequence) << 24)
    }

    /// Ends the packet begun at `mark`: fills in its length, and cuts a payload of 16 MiB - 1 or more into as many
    /// packets as it needs, the last of them perhaps empty. Answers the sequence id for what comes next.
    @discardableResult
    public mutating func endPacket(_ mark: Int) -> UInt8 {
        let start = mark &+ MySQLPacket.headerLength
        guard mark >= 0, start <= count else { return 0 }
        var sequence = withBytes { $0.u8(at: mark &+ 3) }
        let length = count &- start
        patch24(mark, min(length, MySQLPacket.longestBody))
        guard length >= MySQLPacket.longestBody else { return sequence &+ 1 }
        let rest = takeBack(to: start &+ MySQLPacket.longestBody)
        var at = 0
        while true {
            let part = min(rest.count &- at, MySQLPacket.longestBody)
            sequence &+= 1
            le24(UInt32(truncatingIfNeeded: part))
            u8(sequence)
            rest.withSpan { span($0.extracting(at..<(at &+ part))) }
            at &+= part
            if part < MySQLPacket.longestBody { return sequence &+ 1 }
        }
    }
}
