/// Something of a MySQL session's that a statement makes or ends by name. Beside it, a `.mayCreate` or `.mayRelease` of the
/// same kind is among the effects.
public struct NamedState: Sendable, Equatable {
    /// What it is: one kind.
    public let kind: SessionStateKinds
    /// Its name: of a temporary table as it is written, without quotes (`t`, `db.t`); of a lock of `GET_LOCK` in lower case,
    /// since `A` and `a` are one; of a handler; the xid of an XA transaction as it is written.
    ///
    /// nil for something made whose name the text does not tell, and for all of the kind that is ended
    /// (`RELEASE_ALL_LOCKS()`). What ends something the text does not tell (`RELEASE_LOCK(?)`) is left out, with its effect:
    /// it cannot be said what is left then.
    public let name: String?
    /// It is ended, not made.
    public let isReleased: Bool
    /// `RENAME TABLE` and `ALTER TABLE … RENAME`: it was called that before, if there was one of that name; else this says
    /// nothing. No effect goes with it.
    public let renamedFrom: String?

    /// Something made or ended.
    public init(kind: SessionStateKinds, name: String?, isReleased: Bool, renamedFrom: String? = nil) {
        self.kind = kind
        self.name = name
        self.isReleased = isReleased
        self.renamedFrom = renamedFrom
    }
}

/// What few statements have, so that the others do not carry it.
final class StatementDetails: Sendable {
    let kill: KillStatement?
    let reads: SessionReads?
    let named: [NamedState]

    init(kill: KillStatement?, reads: SessionReads?, named: [NamedState]) {
        self.kill = kill
        self.reads = reads
        self.named = named
    }
}
