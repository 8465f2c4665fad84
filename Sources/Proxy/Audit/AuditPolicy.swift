import AuditTrail
import SQLText
import Settings

/// What `[audit]` says, in the form workers ask for it.
struct AuditPolicy {
    /// How safely each class is recorded, by its number.
    private let modes: [AuditMode]
    /// Classes that wait for their intent to be on disk.
    let strict: StatementClasses
    let text: AuditText
    let parameters: AuditParameters
    /// What a statement does that finds no room.
    let onOverflow: AuditOverflow
    /// How long it waits, in microseconds.
    let maxBlock: Int64

    init(_ settings: AuditSettings) {
        // What nobody understands could be anything.
        modes = StatementClass.allCases.map {
            settings.classes["\($0.name)"] ?? ($0 == .unknown ? .strict : settings.mode)
        }
        var strict: StatementClasses = []
        for found in StatementClass.allCases where modes[Int(found.rawValue)] == .strict {
            strict.insert(StatementClasses(found))
        }
        self.strict = strict
        text = settings.text
        parameters = settings.parameters
        onOverflow = settings.onOverflow
        maxBlock = settings.maxBlock.microseconds
    }

    func mode(of statementClass: StatementClass) -> AuditMode { modes[Int(statementClass.rawValue)] }
}
