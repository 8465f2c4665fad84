/// What the application of a client allows, checked where its statements are read. One object for all its clients of a
/// worker: whoever changes it changes it for all.
public final class StatementRules {
    /// What the application is called.
    public var app = ""
    /// A statement may be sent only with a permit (`mayStart` of the session).
    public var needsPermit = false

    /// Nothing is checked.
    public init() {}

    /// Whether nothing is checked.
    public var isEmpty: Bool { !needsPermit }
}
