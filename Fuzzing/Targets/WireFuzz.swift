import ByteKit
import PostgresWire

enum WireFuzz {
    static func run(_ input: [UInt8]) -> String? {
        if let wrong = startup(input) { return wrong }
        return input.withSpan { bytes in
            var position = 0
            while case .header(_, let body, let end) = scanFrame(bytes, at: position) {
                if body != position + 5 || end < body { return "a frame from \(position) to \(end)" }
                guard end <= bytes.byteCount else { break }
                messages(bytes.extracting(body..<end))
                position = end
            }
            return nil
        }
    }

    /// A packet is read the same however much follows it, and not before it is whole.
    private static func startup(_ input: [UInt8]) -> String? {
        let whole = input.withSpan { StartupPacket.parse($0) }
        guard case .startup(_, let end) = whole else { return nil }
        if end > input.count || end < 8 { return "a start-up packet of \(end) bytes in \(input.count)" }
        guard case .startup(_, end)? = Optional(Array(input[..<end]).withSpan({ StartupPacket.parse($0) })) else {
            return "a start-up packet alone is read otherwise"
        }
        for cut in [4, 8, end - 1] where cut < end {
            if case .startup = Array(input[..<cut]).withSpan({ StartupPacket.parse($0) }) {
                return "a start-up packet of \(end) bytes was whole after \(cut)"
            }
        }
        return nil
    }

    private static func messages(_ body: RawSpan) {
        let error = ServerError(body: body)
        _ = error.isFatal
        var cursor = ByteCursor(body)
        while cursor.cString() != nil {}
        cursor = ByteCursor(body)
        while let length = cursor.i32(), cursor.take(Int(length)) != nil {}
        cursor = ByteCursor(body)
        while cursor.i16() != nil {}
    }
}
