public import Credentials
internal import Glibc

/// The files of one `tls_cert`, `tls_key` and `tls_ca`, as they were read at one moment.
public struct TLSFiles: Sendable {
    /// Why they are of no use.
    public struct Problem: Error, Sendable, CustomStringConvertible {
        /// The file to mend.
        public let path: String
        /// What is wrong with it.
        public let reason: String

        /// A problem of a file.
        public init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }

        /// For the log.
        public var description: String { "\(path): \(reason)" }
    }

    private let settings: TLSSettings
    private let environment: SettingsEnvironment
    private let certificate: [UInt8]?
    private let key: SecretBytes?
    private let authorities: [UInt8]?

    /// No file with certificates is larger: all of the Mozilla authorities are 220 KB.
    private static let largest = 4 << 20

    /// Reads them.
    public init(_ settings: TLSSettings, _ environment: SettingsEnvironment = .system) throws(Problem) {
        func read(_ path: String?) throws(Problem) -> [UInt8]? {
            guard let path else { return nil }
            switch environment.read(path, Self.largest) {
            case .success(let bytes): return bytes
            case .failure(let failure): throw Problem(path: path, reason: failure.reason)
            }
        }
        self.settings = settings
        self.environment = environment
        certificate = try read(settings.certificateFile)
        key = try read(settings.keyFile).map { SecretBytes($0) }
        authorities = try read(settings.authorityFile)
    }

    /// Both hold the same.
    public static func areSame(_ one: TLSFiles, _ other: TLSFiles) -> Bool {
        let areKeysSame =
            switch (one.key, other.key) {
            case (let key?, let another?): key.equals(another)
            case (nil, nil): true
            case (nil, _?), (_?, nil): false
            }
        return areKeysSame && one.certificate == other.certificate && one.authorities == other.authorities
    }

    /// What they hold, checked.
    public func material() throws(Problem) -> TLSMaterial {
        do throws(TLSMaterial.Problem) {
            return try TLSMaterial(
                certificate: certificate, key: key, authorities: authorities, now: environment.now())
        } catch {
            let path =
                switch error.part {
                case .certificate: settings.certificateFile
                case .key: settings.keyFile
                case .authorities: settings.authorityFile
                }
            throw Problem(path: path ?? "", reason: error.reason)
        }
    }
}

/// What tells one state of a file from another, also when another file has taken its name.
public struct FileStamp: Sendable, Hashable {
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    /// Of the file at `path`, wherever links lead; nil if there is none.
    public init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

extension Configuration {
    /// All files that TLS is made of.
    public var tlsFiles: Set<String> {
        let all = listeners.map(\.tls) + clusters.values.map(\.tls)
        return Set(
            all.filter { $0.mode != .disable }
                .flatMap { [$0.certificateFile, $0.keyFile, $0.authorityFile].compactMap { $0 } })
    }
}
