import ByteKit
import PostgresWire
import SQLText
import Settings

/// What a statement that completed did to the session.
extension SessionEnvironment {
    /// CommandComplete of a tracked statement. `tag` is the message body; `popping` for Execute, which ends the entry.
    func completed(tag: RawSpan, _ server: ServerSession, _ client: ClientSession?, popping: Bool) {
        guard let tracked = server.tracked.first else { return }
        let index = server.trackedIndex
        if popping {
            server.tracked.popFirst()
            server.trackedIndex = 0
        } else {
            server.trackedIndex &+= 1
        }
        guard let client, index >= 0, index < tracked.entry.facts.statements.count else { return }
        for effect in tracked.effects(of: index) { apply(effect, server, client) }
        transactionControl(tag, server, client)
    }

    /// PortalSuspended of a tracked Execute: with a row limit the statement has run although it has not completed, and
    /// may never be asked for the rest.
    func suspended(_ server: ServerSession, _ client: ClientSession?) {
        guard let tracked = server.tracked.popFirst(), let client else { return }
        for effect in tracked.effects(of: 0) { apply(effect, server, client) }
    }

    /// CommandComplete of a statement without effects in a transaction that has changed settings.
    func completedUntracked(tag: RawSpan, _ server: ServerSession, _ client: ClientSession?) {
        if let client { transactionControl(tag, server, client) }
    }

    /// The simple Query is over, all its statements done or not.
    func finishTrackedQuery(_ server: ServerSession) {
        server.tracked.popFirst()
        server.trackedIndex = 0
    }

    /// A statement of a tracked simple Query failed: the rest will not run. Its entry goes with ReadyForQuery.
    func abandonTrackedQuery(_ server: ServerSession, _ client: ClientSession?) {
        if let tracked = server.tracked.first { didNotRun(tracked, from: server.trackedIndex, client, server) }
        // Far enough that no server completes so many.
        server.trackedIndex = 1 << 48
    }

    private func transactionControl(_ tag: RawSpan, _ server: ServerSession, _ client: ClientSession) {
        guard tag.byteCount > 5 else { return }
        let text = tag.extracting(0..<(tag.byteCount &- 1))
        if text.equals("BEGIN") || text.equals("START TRANSACTION") {
            server.isInBlock = true
        } else if text.equals("COMMIT") || text.equals("PREPARE TRANSACTION") {
            server.isInBlock = false
            if let extra = client.extra { transactionEnded(extra, client.policy) }
        } else if text.equals("ROLLBACK") {
            // ROLLBACK TO SAVEPOINT has the same tag and leaves the block open; it is applied as an effect.
            if server.rolledBackToSavepoint {
                server.rolledBackToSavepoint = false
            } else {
                server.isInBlock = false
                rollBack(client, server)
            }
        }
    }

    /// Committed: there is nothing to go back to.
    func transactionEnded(_ extra: ClientExtra, _ policy: SessionStatePolicy) {
        extra.beforeTransaction = nil
        if !extra.savepoints.isEmpty { extra.savepoints.removeAll() }
        extra.commitChannels(policy: policy)
    }

    /// Rolled back: settings are what they were when the transaction began.
    func rollBack(_ client: ClientSession, _ server: ServerSession) {
        guard let extra = client.extra else { return }
        if let before = extra.beforeTransaction {
            client.settings = before.client
            server.settings = before.server
        }
        extra.listening?.rollBack()
        transactionEnded(extra, client.policy)
    }

    private func willChangeSettings(_ client: ClientSession, _ server: ServerSession) {
        let extra = client.more()
        if extra.beforeTransaction == nil {
            extra.beforeTransaction = SettingsPair(client: client.settings, server: server.settings)
        }
    }

    /// EXECUTE did what the statement it names does. One that has been deallocated since may have done anything.
    private func applyExecuted(_ name: String, _ server: ServerSession, _ client: ClientSession) {
        guard let serial = ServerName.serial(name) else { return }
        guard let known = client.extra?.sqlNames[serial], let made = client.prepared?.find(Array(known.utf8)),
            self.serial(made.entry) == serial
        else { return apply(.mayCreate(.unknown), server, client) }
        guard made.entry.facts.flags.contains(.hasEffects) else { return }
        for statement in made.entry.facts.statements {
            for effect in statement.effects {
                if case .execute = effect { continue }
                apply(effect, server, client)
            }
        }
    }

    private func apply(_ effect: SessionEffect, _ server: ServerSession, _ client: ClientSession) {
        switch effect {
        case .set(let name, let replay):
            willChangeSettings(client, server)
            let entry = SettingEntry(name: name, replay: replay)
            let same = client.settings === server.settings
            client.settings = profiles.setting(entry, in: client.settings)
            server.settings = same ? client.settings : profiles.setting(entry, in: server.settings)
        case .setComputed(let name):
            willChangeSettings(client, server)
            let unknown = SettingEntry(name: name, replay: nil)
            client.settings = profiles.setting(unknown, in: client.settings)
            server.settings = profiles.setting(unknown, in: server.settings)
            let extra = client.more()
            if extra.unread.count < 256 { extra.unread.insert(name) }
            extra.suspects.insert(.unknown)
        case .reset(let name):
            willChangeSettings(client, server)
            server.settings = profiles.removing(name, from: server.settings)
            if let original = client.base[name] {
                client.settings = profiles.setting(original, in: client.settings)
            } else {
                client.settings = profiles.removing(name, from: client.settings)
            }
        case .resetAll:
            willChangeSettings(client, server)
            let identity = server.settings.entries.filter { SettingText.isIdentity($0.name) }
            server.settings = profiles.intern(identity)
            client.settings = profiles.intern(client.base.entries + identity)
        case .discardAll:
            server.settings = profiles.empty
            client.settings = client.base
            client.extra?.beforeTransaction = nil
            note(.unlistenAll, client)
            if client.pins != [] { client.extra?.suspects.formUnion(client.pins) }
        case .savepoint(let name):
            let extra = client.more()
            if extra.savepoints.count < 4096 {
                extra.savepoints.append(
                    (
                        name, SettingsPair(client: client.settings, server: server.settings),
                        extra.listening?.mark ?? 0
                    ))
            }
        case .releaseSavepoint(let name):
            guard let extra = client.extra, let index = extra.savepoints.lastIndex(where: { $0.name == name }) else {
                return
            }
            extra.savepoints.removeSubrange(index...)
        case .rollbackToSavepoint(let name):
            server.rolledBackToSavepoint = true
            guard let extra = client.extra, let index = extra.savepoints.lastIndex(where: { $0.name == name }) else {
                return
            }
            client.settings = extra.savepoints[index].settings.client
            server.settings = extra.savepoints[index].settings.server
            extra.listening?.rollBack(to: extra.savepoints[index].channels)
            extra.savepoints.removeSubrange((index + 1)...)
        case .mayCreate(let kinds), .mayRelease(let kinds):
            if client.mode != .session {
                let extra = client.more()
                extra.suspects.formUnion(kinds)
                if kinds.contains(.unknown) { extra.hasRunCode = true }
            }
        case .listen(let channel): note(.listen(channel), client)
        case .unlisten(let channel): note(.unlisten(channel), client)
        case .unlistenAll: note(.unlistenAll, client)
        case .execute(let name, _): applyExecuted(name, server, client)
        case .setLocal, .discardPlans, .discardTemporary, .discardSequences, .prepare, .deallocate, .deallocateAll:
            // Names of statements are entered when they are sent (`willRun`).
            break
        }
    }
}
