/// A client that has logged in to the console.
public struct ConsoleClient: Sendable {
    /// Its name.
    public let id: SocketID
    /// Who it is.
    public let user: String
    /// Whether it may do more than look.
    public let isAdmin: Bool
    /// Where it comes from, for the log.
    public let address: String

    /// A client of these parts.
    public init(id: SocketID, user: String, isAdmin: Bool, address: String) {
        self.id = id
        self.user = user
        self.isAdmin = isAdmin
        self.address = address
    }
}

/// Who talks to the clients of the console. Called on the workers' threads; it must not wait.
public protocol ConsoleHandler: Sendable {
    /// ParameterStatus values a client is told when it logs in.
    var greeting: [(name: String, value: String)] { get }

    /// A client has been told that it is logged in.
    func opened(_ client: ConsoleClient)

    /// A client has sent bytes: messages, or parts of them, in order.
    func received(_ bytes: [UInt8], from client: SocketID)

    /// Somebody with the client's cancel key wants it to stop waiting.
    func cancelled(_ client: SocketID)

    /// A client is gone.
    func closed(_ client: SocketID)

    /// A server does not take this secret: it may have changed.
    func refused(_ secret: SecretName)
}
