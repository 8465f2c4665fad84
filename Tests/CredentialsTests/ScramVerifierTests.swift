import Testing

@testable import Credentials

@Suite struct ScramVerifierTests {
    /// Made by PostgreSQL 15: `CREATE ROLE … PASSWORD '…'`, then `SELECT rolpassword FROM pg_authid`.
    static let byPostgreSQL: [(password: String, verifier: String)] = [
        (
            "pencil",
            "SCRAM-SHA-256$4096:C1pEXyiVX2AvJ1vCztB6zA==$wRt+9N4gMB+Z9u7V5U065TzEeRNmTcj6TKS48sNezZQ="
                + ":IXcn21EU0y6Cz86uG6Tvg982aJ/PhmBemENOZOqE21w="
        ),
        (
            String(repeating: "a", count: 200),
            "SCRAM-SHA-256$4096:alwV7gNc4EUKVaffwy8F4A==$//LXtxAVDBEbaWGMjunpiOxl9qqENX5BD9CcfOqANoQ="
                + ":HL2wyfamHofd8RxmRjJy7I4kse4OIqbhnrFvVfmLkAw="
        ),
        (
            "p\u{e4}ssw\u{f6}rd",
            "SCRAM-SHA-256$4096:x/6z26OEw6X1blraSqml+A==$SZHJoCq12ydDCaj9Op9yzMlz8NdAFaT8WaqCEV/DtPE="
                + ":Y6IZA1WzsyCUVAuRjGFW0MI52yFcxNxmNh0DJxzwnjk="
        ),
        (
            "I\u{ad}X",
            "SCRAM-SHA-256$4096:BEVjrNI++8Pq+RFQZZTyfg==$3yLil/bfe9y0QsSvM8mwnCZ7VLOR1LFReYYw3FZZQPs="
                + ":JKaZ+9UP8vDhoFqF7P+dKfGZv4qIxvhIuM5OQfcF4r8="
        ),
        (
            "\u{2168}",
            "SCRAM-SHA-256$4096:MrJ631LfffgG6m8t9KRbYg==$OcV4W7z0JJ2XNmAePBzncaZZOMd0QZKhxQjT3ST7uYc="
                + ":qGMr+pRudKYqgkYsWb+i+2SYX8rhvJyFT5yKYPWFQjE="
        ),
        (
            "e\u{301} \u{a0}x",
            "SCRAM-SHA-256$4096:L0HVICu5dWy5JKpk7RYcSg==$MxIcXtbLXIjwvfPOZJbZRvbGOP+MwBWK8tuMnJN+Z8k="
                + ":6wfRD/D91BH5UN3NEiPuhdi67anwtTZcGRwcl3YZYhI="
        ),
        (
            "\u{627}a",
            "SCRAM-SHA-256$4096:8CRh9fL7A1EUHZDMgkCL/Q==$mbq+aXDX+rli9QMjiOy9DC2S6UMtxqneG30SACGknTA="
                + ":AxcYwJs+Tihu+UGbe1G5644rkJ8/r1kPZn/o5YmMNk4="
        ),
        (
            "\u{e9}\u{200b}",
            "SCRAM-SHA-256$4096:Kc3s+RH0Wh2gAbnGcLJbxg==$UdGOKLiajF8siQFp7Y7T2hFt51jUljCo/aZ8KWcrb4k="
                + ":awuaiqFkC3c55lfz2DO+0ZGSekrKQUBsu/odxZLYEv8="
        ),
        (
            "\u{fb01}\u{1100}\u{1161}\u{11a8}",
            "SCRAM-SHA-256$4096:k1sLzwdyOtOI9l+l6KMdgQ==$YMrsHli4dBZ0SJSo57V7ZJiikcyEnKp2qwOoeWqTVdU="
                + ":tTOiWSjadhztBJpeVGDoUlnpz/3kLQ7HXNNl/osSuHg="
        ),
        (
            "\u{340}\u{e9}",
            "SCRAM-SHA-256$4096:7M/lLUkCCI1FOuiChsliFQ==$eppoCPuP/fX7hkR13X+8spj4BlfB4hvXD4sOsEBvKQo="
                + ":HMhMpDavHXccQYwYBqho1vcIvl4aOx48eUEkoKtBM+I="
        ),
        (
            "\u{637}\u{639}",
            "SCRAM-SHA-256$4096:ygvLe3tlztwxU4R8uCXLhw==$0l5QYQjMOQMRUs2d1FXwNz08N0lWL9Al6xA8WWzwtSI="
                + ":01U41MG51ngR7zMC6i8z8z5tgZQBl3vz82ps8QtNmrc="
        ),
        (
            "\u{1f600}",
            "SCRAM-SHA-256$4096:eammqevoEDdaj4b2mKXJuA==$0TgPnFSw9GU63JBVCvmc7+j+M+84SeQ8CkbE2XEPB2E="
                + ":ghZgq8FTvu0yKfTs1n0QbTB3hFm/RVRK5fDQqv51Luw="
        ),
        (
            "\u{1e9b}\u{323}",
            "SCRAM-SHA-256$4096:wwPxdXTjmOKEtd+VTgIOKA==$kNPoGIWuL7ZYI7rONSkUQG/SAcFanVxVDTc6ql69j60="
                + ":/uoDxvCuGsP1oYZFJ1JXSl56wx2D/n8x006dcbJQe0A="
        ),
        (
            "\u{ad}",
            "SCRAM-SHA-256$4096:IWQm86sG3fSjsfUSzy4OpQ==$Ia4Z1uK6IkH4yhu3seSGr4aDCDGxraUuoJNDoz6l2YI="
                + ":MOqAemMRulmw69VwgYdStXfQaGtSxiXB5vPM4hUWtVw="
        ),
    ]

    @Test(arguments: byPostgreSQL)
    func verifiersAreThoseOfPostgreSQL(_ password: String, _ stored: String) throws {
        let parsed = try #require(ScramVerifier(parsing: stored))
        let secret = SecretBytes(password)
        #expect(parsed.encoded == stored)
        #expect(
            ScramVerifier.derive(password: secret, salt: parsed.salt, iterations: parsed.iterations).encoded == stored)
        #expect(StoredSecret.scram(parsed).matches(password: secret, user: ""))
        #expect(!StoredSecret.scram(parsed).matches(password: SecretBytes(password + "x"), user: ""))
    }

    static let salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
    static let key = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="

    @Test func theTemplateOfTheNextTestIsGood() {
        #expect(ScramVerifier(parsing: "SCRAM-SHA-256$4096:\(Self.salt)$\(Self.key):\(Self.key)") != nil)
        #expect(ScramVerifier(parsing: "SCRAM-SHA-256$1:AA==$\(Self.key):\(Self.key)") != nil)
        #expect(ScramVerifier(parsing: "SCRAM-SHA-256$10000000:AA==$\(Self.key):\(Self.key)") != nil)
    }

    @Test(arguments: [
        "", "SCRAM-SHA-256", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096", "SCRAM-SHA-256$4096:\(salt)",
        "SCRAM-SHA-256$4096:\(salt)$", "SCRAM-SHA-256$4096:\(salt)$\(key)", "SCRAM-SHA-256$4096:\(salt)$\(key):",
        "SCRAM-SHA-256$4096:\(salt)$\(key):\(key):", "SCRAM-SHA-256$4096:\(salt)$\(key):\(key)$",
        "SCRAM-SHA-256$4096:\(salt):x$\(key):\(key)", "SCRAM-SHA-256$4096:$\(key):\(key)",
        "SCRAM-SHA-256$0:\(salt)$\(key):\(key)", "SCRAM-SHA-256$-1:\(salt)$\(key):\(key)",
        "SCRAM-SHA-256$+1:\(salt)$\(key):\(key)", "SCRAM-SHA-256$ 1:\(salt)$\(key):\(key)",
        "SCRAM-SHA-256$:\(salt)$\(key):\(key)", "SCRAM-SHA-256$04096:\(salt)$\(key):\(key)",
        "SCRAM-SHA-256$10000001:\(salt)$\(key):\(key)", "SCRAM-SHA-256$18446744073709551617:\(salt)$\(key):\(key)",
        "SCRAM-SHA-256$4096:W22Za$\(key):\(key)", "SCRAM-SHA-256$4096:\(salt)$AAAA:\(key)",
        "SCRAM-SHA-256$4096:\(salt)$\(key):\(key) ", "scram-sha-256$4096:\(salt)$\(key):\(key)",
        "SCRAM-SHA-256$4096:\(String(repeating: "AAAA", count: 2000))$\(key):\(key)",
    ])
    func otherTextIsNoVerifier(_ text: String) {
        #expect(ScramVerifier(parsing: text) == nil)
    }
}
