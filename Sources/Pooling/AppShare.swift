/// What the workers of one process share about one application: what it uses of what is limited.
public final class AppShare: Sendable {
    /// What it is called.
    public let name: String
    /// Its clients.
    public let clients = CapacityCounter()

    /// An application that uses nothing yet.
    public init(name: String) { self.name = name }
}
