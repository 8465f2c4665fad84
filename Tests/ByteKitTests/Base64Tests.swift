import ByteKit
import Testing

@Suite struct Base64Tests {
    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("\u{3ff}\u{fff}", "z7/gv78="),
    ])
    func examples(_ plain: String, _ encoded: String) {
        #expect(Base64.encode([UInt8](plain.utf8)) == [UInt8](encoded.utf8))
        #expect(Base64.decode([UInt8](encoded.utf8)) == [UInt8](plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zm8=Zg==", "Zm9v ", " Zm9v", "Zm9\n", "Zm-_",
        "Zm9v=",
        "Zh==", "Zm9=", "=m9v", "Z=9v", "Zm=v", "Zm9v\0\0\0\0", "Zm\u{e9}",
    ])
    func anythingElseIsRefused(_ text: String) {
        #expect(Base64.decode([UInt8](text.utf8)) == nil)
    }

    @Test func everyByteAndLengthComesBack() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count &* 7) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        let all = [UInt8](0...255)
        #expect(Base64.decode(Base64.encode(all)) == all)
    }

    @Test func whatDecodesHasOneSpelling() {
        for a in UInt8.min...UInt8.max {
            for tail in ["===", "g==", "m8=", "m9v"] {
                let text = [a] + [UInt8](tail.utf8)
                if let bytes = Base64.decode(text) { #expect(Base64.encode(bytes) == text) }
            }
        }
    }
}
