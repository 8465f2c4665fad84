import ByteKit
import Credentials

/// The keys checkpoints are signed with, and where they are kept.
///
///     <key file>            the key in force, made when there is none (PKCS #8, 0600)
///     <key file>.previous   the one before, until it has handed over
///     audit-public-keys.pem every public key there has been, with the sequence from which it counts
enum AuditKeys {
    struct Loaded {
        var key: SigningKey
        var previous: SigningKey?
        var isNew = false
    }

    static func load(_ path: String, _ files: FileSystem) throws(AuditProblem) -> Loaded {
        let previous = try read(path + ".previous", files)
        if let key = try read(path, files) { return Loaded(key: key, previous: previous) }
        return Loaded(key: try make(path, files), previous: previous, isNew: true)
    }

    /// Puts a new key in place; the one there was becomes the previous one.
    static func rotate(_ path: String, _ files: FileSystem) throws(AuditProblem) -> (old: String?, new: String) {
        let old = try read(path, files)
        if try read(path + ".previous", files) != nil {
            throw AuditProblem("\(path).previous has not handed over yet: send the proxy HUP, or start it, first")
        }
        if old != nil {
            do throws(FileError) { try files.rename(path, path + ".previous") } catch { throw AuditProblem("\(error)") }
        }
        return (old?.publicKey.id, try make(path, files).publicKey.id)
    }

    private static func read(_ path: String, _ files: FileSystem) throws(AuditProblem) -> SigningKey? {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try files.contents(path, most: 16_384) } catch {
            if error.number == FileError.missing { return nil }
            throw AuditProblem("\(error)")
        }
        guard let key = SigningKey(pem: SecretBytes(bytes)) else {
            throw AuditProblem(
                "\(path) is no Ed25519 key in PEM without a passphrase (PKCS #8); see key_file of [audit]")
        }
        return key
    }

    private static func make(_ path: String, _ files: FileSystem) throws(AuditProblem) -> SigningKey {
        guard let key = SigningKey(), let pem = key.pem else { throw AuditProblem("cannot make an Ed25519 key") }
        do throws(FileError) {
            if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
                try files.makeDirectory(String(path[..<slash]))
            }
            try files.replace(path, pem.withBytes { $0.toArray() }, mode: 0o600)
        } catch { throw AuditProblem("\(error); see key_file of [audit]") }
        return key
    }

    /// Adds a public key to a list, unless it is there.
    static func publish(_ key: VerifyingKey, from sequence: UInt64, in path: String, _ files: FileSystem)
        throws(FileError)
    {
        let mark = "# key \(key.id) from sequence "
        let known = (try? files.contents(path)) ?? []
        guard known.firstRange(of: Array(mark.utf8)) == nil else { return }
        try files.replace(path, known + Array("\(mark)\(sequence)\n".utf8) + key.pem)
    }

    /// A key somebody trusts, and from which sequence on.
    struct Trusted {
        var key: VerifyingKey
        var from: UInt64
    }

    /// The keys of such a list; one without a line of its own before it counts from the start.
    static func trusted(_ bytes: [UInt8]) -> [Trusted] {
        var found: [Trusted] = []
        var from: UInt64 = 0
        var pem: [UInt8] = []
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: true) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("# key "), let last = text.split(separator: " ").last, let sequence = UInt64(last) {
                from = sequence
            } else if !text.hasPrefix("#") {
                pem += line + [0x0A]
            }
            guard text.hasPrefix("-----END PUBLIC KEY-----") else { continue }
            if let key = VerifyingKey(pem: pem) { found.append(Trusted(key: key, from: from)) }
            pem = []
            from = 0
        }
        return found
    }
}
