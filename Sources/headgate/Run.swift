import Console
import EventLoop
import Glibc
import Proxy
import Settings
import Telemetry

/// `headgate run`: serves until it is told to stop.
func run(_ path: String) -> Int32 {
    Signals.block()
    guard let console = startServing(path) else { return 1 }
    return serve(console)
}

/// Reads the configuration, starts the proxy and its console; says in the log why it cannot. After `Signals.block()`.
func startServing(_ path: String) -> ConsoleServer? {
    let descriptors = Descriptors.raiseLimit()
    let loaded = SettingsLoader.load(path: path)
    for problem in loaded.problems {
        if problem.severity == .error {
            Log.error("config", problem.description)
        } else {
            Log.warn("config", problem.description)
        }
    }
    guard let configuration = loaded.configuration else {
        Log.fatal("config", "the configuration has errors; nothing was started", ["file": path])
        return nil
    }
    adoptLogLevel(configuration)
    let (snapshot, problems) = Snapshot.make(configuration) { $0.resolve() }
    for problem in problems { Log.error("secret", problem) }
    let threads = configuration.general.threads
    let workers = threads > 0 ? threads : LoopThread.processorCount
    switch ProxyServer.start(snapshot, workers: workers, version: headgateVersion) {
    case .failure(let failure):
        Log.fatal("start", "\(failure)")
        return nil
    case .success(let proxy):
        Log.info(
            "start", "serving",
            ["version": headgateVersion, "workers": workers, "descriptors": descriptors, "config": path])
        ServiceManager.ready(status: "serving with \(workers) workers")
        let reload = ReloadSource(load: { SettingsLoader.load(path: path) }, resolve: { $0.resolve() })
        guard let console = ConsoleServer.start(proxy, snapshot, reload: reload) else {
            Log.fatal("start", "cannot start the control thread")
            return nil
        }
        return console
    }
}

/// Acts on signals as PgBouncer does, until one of them ends the process.
private func serve(_ console: ConsoleServer) -> Int32 {
    let delivered = Signals.deliver { signal in
        Log.info("signal", "got a signal", ["signal": "\(signal)"])
        switch signal {
        case .hangUp: console.reload()
        case .terminate: console.shutDown(.finishTransactions)
        case .interrupt: console.shutDown(.waitForServers)
        case .quit: console.quit()
        case .user1: console.pause()
        case .user2: console.resume()
        }
    }
    if case .failure(let errno) = delivered {
        Log.fatal("start", "cannot wait for signals: \(errno)")
        return 1
    }
    while pause() != 0 {}
    return 0
}
