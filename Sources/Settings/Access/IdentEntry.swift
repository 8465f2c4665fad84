/// A line of an ident file: who a user of the system, or of a certificate, may be here.
struct IdentEntry: Sendable, Hashable {
    enum SystemUser: Sendable, Hashable {
        case exactly(String)
        case pattern(NamePattern)
    }

    var map: String
    var systemUser: SystemUser
    var user: AccessRule.Name

    /// As `check_ident_usermap` of PostgreSQL's `hba.c`: `\1` stands for the first group, and is a name whatever it spells.
    func allows(_ wanted: String, as name: String) -> Bool {
        switch systemUser {
        case .exactly(let own): return own == name && user.fits(user: wanted)
        case .pattern(let pattern):
            guard let group = pattern.firstGroup(of: name) else { return false }
            if case .exactly(let text) = user, let (head, tail) = Self.cut(text) {
                return head + group + tail == wanted
            }
            return user.fits(user: wanted)
        }
    }

    /// What stands before and behind the first `\1`.
    static func cut(_ text: String) -> (head: String, tail: String)? {
        let bytes = Array(text.utf8)
        for index in bytes.indices.dropLast()
        where bytes[index] == UInt8(ascii: "\\") && bytes[index + 1] == UInt8(ascii: "1") {
            return (
                String(decoding: bytes[..<index], as: UTF8.self), String(decoding: bytes[(index + 2)...], as: UTF8.self)
            )
        }
        return nil
    }
}
