import ByteKit
import Sessions

/// What is decided about a header does not change with what follows, and a header lies within what has come.
enum ProxyHeaderFuzz {
    static func run(_ input: [UInt8]) -> String? {
        let whole = input.withSpan { ProxyHeader.parse($0) }
        var size = 1
        var decided: ProxyHeader?
        while size <= input.count {
            let part = Array(input[..<size]).withSpan { ProxyHeader.parse($0) }
            if let decided, part != decided { return "\(decided), and after \(size) bytes \(part)" }
            switch part {
            case .needBytes: break
            case .malformed: decided = part
            case .client(let address, _, let end):
                if end != size || address.count != 4 && address.count != 16 { return "\(part) in \(size) bytes" }
                decided = part
            case .proxyItself(let end):
                if end != size { return "\(part) in \(size) bytes" }
                decided = part
            }
            // One byte more at a time as long as a header is about to end.
            size += decided == nil ? 1 : max(1, size / 2)
        }
        if let decided, decided != whole { return "\(decided), and in the end \(whole)" }
        if decided == nil, whole != .needBytes { return "cut it is not read, and whole it is \(whole)" }
        if decided == nil, input.count > 16 + ProxyHeader.longestRest { return "\(input.count) bytes are not enough" }
        return nil
    }
}
