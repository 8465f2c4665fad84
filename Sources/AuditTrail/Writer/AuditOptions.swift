public import Settings

/// What the writer goes by; a reload replaces it whole.
public struct AuditOptions: Sendable, Equatable {
    public var settings: AuditSettings
    /// Names the node in every record.
    public var node: String
    /// Where keys and cursors are kept.
    public var stateDirectory: String
    /// The version of the program, for headers.
    public var version: String

    /// A checkpoint at the latest after so many records; `audit verify` insists on it.
    static let checkpointRecords: UInt64 = 1000
    /// And after so long, when there are any.
    static let checkpointInterval: UInt64 = 1_000_000_000

    public init(settings: AuditSettings, node: String, stateDirectory: String, version: String) {
        self.settings = settings
        self.node = node.isEmpty ? FileSystem.hostName : node
        self.stateDirectory = stateDirectory
        self.version = version
    }

    /// Takes over what only a restart changes.
    mutating func keepWhatNeedsRestart(of running: AuditOptions) {
        node = running.node
        stateDirectory = running.stateDirectory
        settings.enabled = running.settings.enabled
        settings.directory = running.settings.directory
        settings.keyFile = running.settings.keyFile
        settings.ringSize = running.settings.ringSize
        settings.emergencySize = running.settings.emergencySize
    }

    var keyFile: String { settings.keyFile ?? stateDirectory + "/audit-key.pem" }
    var commitMilliseconds: Int { Int(clamping: max(settings.commitInterval.microseconds, 1000) / 1000) }
}

/// What the trail has to say to the operator, for the log.
public struct AuditNotice: Sendable, Equatable {
    public enum Level: Sendable, Equatable { case info, warning, error }
    public var level: Level
    public var text: String
}

extension AuditOptions {
    /// Makes a new key to sign with; the proxy takes it up with HUP, or when it starts, and has the one before hand over
    /// to it. Answers the ids of both.
    public func rotateKey() -> Result<(old: String?, new: String), AuditProblem> {
        do throws(AuditProblem) { return .success(try AuditKeys.rotate(keyFile, FileSystem())) } catch {
            return .failure(error)
        }
    }
}
