import Proxy
import Settings
import Telemetry

/// What is known of the files that certificates and keys come from.
struct TLSWatch {
    /// As they were at the last look.
    var seen: [String: FileStamp] = [:]
    /// They have changed, and are read when they have not for a whole look: certificate and key are two files.
    var isChanging = false
}

extension ControlRoom {
    /// How often it is looked whether they have changed.
    static let tlsTick: Int64 = 500_000

    private var stamps: [String: FileStamp] {
        var found: [String: FileStamp] = [:]
        for path in snapshot.configuration.tlsFiles { found[path] = FileStamp(path) }
        return found
    }

    /// Reads certificates, keys and authorities again when their files are others than before.
    func watchTLS() {
        let now = stamps
        if now != tls.seen {
            tls.isChanging = true
            tls.seen = now
            return
        }
        guard tls.isChanging else { return }
        tls.isChanging = false
        let (new, problems) = snapshot.rereadingTLS()
        for problem in problems {
            Log.warn(
                "tls", "a changed file of TLS is of no use; what it held before is used on", ["problem": problem])
        }
        guard let new else { return }
        snapshot = new
        proxy.apply(new) { Log.info("tls", "certificates have changed; new connections get the new ones", [:]) }
    }
}
