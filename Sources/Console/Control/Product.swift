/// What this program calls itself.
public enum Product {
    /// The version of Headgate.
    public static let version = "0.1.0"

    /// `SHOW VERSION`: exporters look for PgBouncer's name and the version whose tables these are.
    static let versionText = "PgBouncer 1.25.2 (Headgate \(version))"

    /// The server_version drivers are told; its form is PgBouncer's.
    static let serverVersion = "1.25.2/headgate"
}
