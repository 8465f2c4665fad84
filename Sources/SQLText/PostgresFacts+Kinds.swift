extension PostgresFacts {
    /// The kind of a statement node.
    static func kind(_ tree: ParseTree, _ node: Int) -> StatementKind {
        switch tree.key(node) {
        case "SelectStmt": tree.child(node, "valuesLists") == nil ? .select : .values
        case "InsertStmt": .insert
        case "UpdateStmt": .update
        case "DeleteStmt": .delete
        case "MergeStmt": .merge
        case "TransactionStmt": transactionKind(tree.string(node, "kind") ?? "")
        case "VariableSetStmt": setKind(tree, node)
        case "VariableShowStmt": .show
        case "ConstraintsSetStmt": .setTransaction
        case "DiscardStmt": .discard
        case "PrepareStmt": .prepare
        case "ExecuteStmt": .execute
        case "DeallocateStmt": .deallocate
        case "ListenStmt": .listen
        case "UnlistenStmt": .unlisten
        case "NotifyStmt": .notify
        case "DeclareCursorStmt": .declareCursor
        case "ClosePortalStmt": .closeCursor
        case "FetchStmt": .fetch
        case "CopyStmt": .copy
        case "LockStmt": .lock
        case "CallStmt": .call
        case "DoStmt": .doBlock
        case "ExplainStmt": .explain
        case "VacuumStmt": .vacuum
        case "LoadStmt": .load
        case "CheckPointStmt": .other
        default: .ddl
        }
    }

    private static func transactionKind(_ kind: String) -> StatementKind {
        switch kind {
        case "TRANS_STMT_BEGIN", "TRANS_STMT_START": .begin
        case "TRANS_STMT_COMMIT": .commit
        case "TRANS_STMT_ROLLBACK": .rollback
        case "TRANS_STMT_SAVEPOINT": .savepoint
        case "TRANS_STMT_RELEASE": .releaseSavepoint
        case "TRANS_STMT_ROLLBACK_TO": .rollbackToSavepoint
        case "TRANS_STMT_PREPARE": .prepareTransaction
        case "TRANS_STMT_COMMIT_PREPARED": .commitPrepared
        case "TRANS_STMT_ROLLBACK_PREPARED": .rollbackPrepared
        default: .other
        }
    }

    private static func setKind(_ tree: ParseTree, _ node: Int) -> StatementKind {
        switch tree.string(node, "kind") {
        case "VAR_RESET", "VAR_RESET_ALL": return .reset
        case "VAR_SET_MULTI":
            return tree.string(node, "name") == "SESSION CHARACTERISTICS" ? .set : .setTransaction
        default: return isOfTransaction(tree.string(node, "name") ?? "") ? .setTransaction : .set
        }
    }

    /// Settings that the server puts back at the end of each transaction.
    static func isOfTransaction(_ name: String) -> Bool {
        switch name.lowercased() {
        case "transaction_isolation", "transaction_read_only", "transaction_deferrable": true
        default: false
        }
    }

    /// What a kind is before its parts are looked at.
    static func alwaysWrites(_ kind: StatementKind) -> Bool {
        switch kind {
        case .insert, .update, .delete, .merge, .prepareTransaction, .commitPrepared, .rollbackPrepared, .execute,
            .notify, .listen, .lock, .ddl, .call, .doBlock, .vacuum, .load, .other, .unknown:
            // LISTEN is refused by a standby.
            true
        case .empty, .select, .values, .begin, .commit, .rollback, .savepoint, .releaseSavepoint,
            .rollbackToSavepoint, .set, .setTransaction, .reset, .show, .discard, .prepare, .deallocate, .unlisten,
            .declareCursor, .closeCursor, .fetch, .copy, .explain:
            false
        }
    }
}
