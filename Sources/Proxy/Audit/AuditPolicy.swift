import ByteKit
import Credentials
import SQLText
import Settings

/// What `[audit]` says, in the form workers ask for it.
struct AuditPolicy {
    /// How safely each class is recorded, by its number.
    private let modes: [AuditMode]
    /// Classes that wait for their intent to be on disk.
    let strict: StatementClasses
    let text: AuditText
    /// Texts are recorded up to this many bytes.
    let textLimit: Int
    let parameters: AuditParameters
    /// For `parameters = "hmac"`.
    private let key: SecretBytes?
    /// What a statement does that finds no room.
    let onOverflow: AuditOverflow
    /// How long it waits, in microseconds.
    let maxBlock: Int64

    init(_ settings: AuditSettings, key: SecretBytes?) {
        self.key = key
        modes = StatementClass.allCases.map { found in
            switch found {
            // What changes who may do what, and what nobody understands, is never found out too late.
            case .ddl, .role, .unknown: settings.classes["\(found.name)"] ?? .strict
            case .read, .write, .tcl, .function, .misc, .miscSet, .copy, .admin:
                settings.classes["\(found.name)"] ?? settings.mode
            }
        }
        var strict: StatementClasses = []
        for found in StatementClass.allCases where modes[Int(found.rawValue)] == .strict {
            strict.insert(StatementClasses(found))
        }
        self.strict = strict
        text = settings.text
        textLimit = settings.textLimit.bytes
        parameters = settings.parameters
        onOverflow = settings.onOverflow
        maxBlock = settings.maxBlock.microseconds
    }

    /// A value's keyed hash; nothing where there is no key.
    func hash(_ value: RawSpan) -> [UInt8] { key.map { KeyedHash.sha256(key: $0, value.toArray()) } ?? [] }

    func mode(of statementClass: StatementClass) -> AuditMode { modes[Int(statementClass.rawValue)] }
}
