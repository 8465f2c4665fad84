import Credentials
import EventLoop
import Settings
import Telemetry

/// The TLS of every listener and every cluster, as their files were when it was made. Immutable: when files change another
/// takes its place, and with it new connections get what is new; what did not change is the same object in both.
public struct TLSDirectory: Sendable {
    private struct Entry: Sendable {
        let context: TLSContext
        /// What it was made of, to see whether the files hold it still.
        let files: TLSFiles
    }

    private struct Role: Hashable, Sendable {
        let settings: TLSSettings
        let protocolKind: ProtocolKind
        let isServer: Bool
    }

    private var entries: [Role: Entry] = [:]

    /// No TLS anywhere.
    public init() {}

    /// Reads the files that `configuration` names. What cannot be used is in `problems`, with the file and the reason; in
    /// its place stays what `previous` has.
    static func make(
        _ configuration: Configuration, previous: TLSDirectory, environment: SettingsEnvironment = .system
    ) -> (directory: TLSDirectory, problems: [String]) {
        var made = TLSDirectory()
        var problems: [String] = []
        for role in roles(configuration) where made.entries[role] == nil {
            do throws(TLSFiles.Problem) {
                let files = try TLSFiles(role.settings, environment)
                if let known = previous.entries[role], TLSFiles.areSame(known.files, files) {
                    made.entries[role] = known
                    continue
                }
                made.entries[role] = Entry(context: try context(role, files), files: files)
            } catch {
                problems.append("\(error)")
                made.entries[role] = previous.entries[role]
            }
        }
        return (made, problems)
    }

    private static func roles(_ configuration: Configuration) -> [Role] {
        configuration.listeners.map { Role(settings: $0.tls, protocolKind: $0.protocolKind, isServer: true) }
            .filter { $0.settings.mode != .disable }
            + configuration.clusters.values.map {
                Role(settings: $0.tls, protocolKind: $0.protocolKind, isServer: false)
            }.filter { $0.settings.mode != .disable }
    }

    private static func context(_ role: Role, _ files: TLSFiles) throws(TLSFiles.Problem) -> TLSContext {
        let material = try files.material()
        let isNew = role.settings.minimumVersion == .v1_3
        let made: TLSContext?
        if role.isServer {
            let verification: TLSContext.Verification =
                switch role.settings.mode {
                case .verifyCA, .verifyFull: .authority
                case .disable, .prefer, .require: role.settings.authorityFile == nil ? .none : .optional
                }
            made = TLSContext(
                server: material, verification: verification, isVersion13Only: isNew,
                requiresPostgresName: role.protocolKind == .postgres)
        } else {
            let verification: TLSContext.Verification =
                switch role.settings.mode {
                case .verifyFull: .name
                case .verifyCA: .authority
                case .disable, .prefer, .require: .none
                }
            made = TLSContext(client: material, verification: verification, isVersion13Only: isNew)
        }
        guard let made else {
            throw TLSFiles.Problem(
                path: role.settings.certificateFile ?? role.settings.authorityFile ?? "",
                reason: "OpenSSL cannot use it: its key may be too short")
        }
        return made
    }

    /// TLS towards a server that these settings are for, from files as they are now.
    static func client(_ settings: TLSSettings) throws(TLSFiles.Problem) -> TLSContext {
        try context(
            Role(settings: settings, protocolKind: .postgres, isServer: false), TLSFiles(settings, .system))
    }

    /// What a listener shows its clients; nil if it does without TLS.
    func server(_ listener: ListenSettings) -> TLSContext? {
        entries[Role(settings: listener.tls, protocolKind: listener.protocolKind, isServer: true)]?.context
    }

    /// How a cluster's servers are spoken to; nil if without TLS.
    func client(_ cluster: ClusterSettings) -> TLSContext? {
        entries[Role(settings: cluster.tls, protocolKind: cluster.protocolKind, isServer: false)]?.context
    }

    /// The same contexts as `other`.
    func isSame(as other: TLSDirectory) -> Bool {
        entries.count == other.entries.count
            && entries.allSatisfy { other.entries[$0.key]?.context === $0.value.context }
    }
}
