/// Which pools a command is about.
public enum PoolScope: Sendable, Hashable {
    /// Every pool.
    case all
    /// The pools of a database.
    case database(String)

    /// Whether the pools of `database` are meant.
    public func covers(_ database: String) -> Bool {
        switch self {
        case .all: true
        case .database(let name): name == database
        }
    }
}

/// What has been paused and disabled on the console. Each worker has a copy.
public struct AdminState: Sendable, Equatable {
    /// Everything is paused.
    public var isPaused = false
    /// No socket is read (SUSPEND).
    public var isSuspended = false
    /// Databases paused by name.
    public var paused: Set<String> = []
    /// Databases new clients are refused for.
    public var disabled: Set<String> = []

    /// Nothing paused.
    public init() {}

    /// Whether no server of `database` may be given out.
    public func isPaused(_ database: String) -> Bool { isPaused || paused.contains(database) }

    /// Marks what `scope` says as paused or not.
    public mutating func setPaused(_ on: Bool, _ scope: PoolScope) {
        switch (scope, on) {
        case (.all, true): isPaused = true
        case (.all, false):
            isPaused = false
            paused = []
        case (.database(let name), true): paused.insert(name)
        case (.database(let name), false): paused.remove(name)
        }
    }
}
