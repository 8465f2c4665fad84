import ByteKit

@testable import Credentials

/// Lends the bytes of an array as a received span.
func lend<R>(_ bytes: [UInt8], _ body: (RawSpan) throws -> R) rethrows -> R {
    let span = unsafe bytes.span.bytes
    return try body(span)
}

/// Lends the UTF-8 of `text` as a received span.
func lend<R>(_ text: String, _ body: (RawSpan) throws -> R) rethrows -> R {
    try lend([UInt8](text.utf8), body)
}

/// Text from ASCII.
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A generator whose every run is the same (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

extension SecretBytes {
    /// For a message a test makes by hand.
    var base64: [UInt8] { Base64.encode(revealed()) }
}
