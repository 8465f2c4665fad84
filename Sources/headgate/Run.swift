import EventLoop
import Glibc
import Proxy
import Settings
import Telemetry

/// `headgate run`: serves until it is told to stop.
func run(_ path: String) -> Int32 {
    Signals.block()
    guard let proxy = startServing(path) else { return 1 }
    return serve(proxy, path)
}

/// Reads the configuration and starts the proxy; says in the log why it cannot. After `Signals.block()`.
func startServing(_ path: String) -> ProxyServer? {
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
    if let level = Telemetry.LogLevel(name: configuration.general.logLevel.rawValue) { Log.level = level }
    let (snapshot, problems) = Snapshot.make(configuration) { $0.resolve() }
    for problem in problems { Log.error("secret", problem) }
    let threads = configuration.general.threads
    let workers = threads > 0 ? threads : LoopThread.processorCount
    switch ProxyServer.start(snapshot, workers: workers) {
    case .failure(let failure):
        Log.fatal("start", "\(failure)")
        return nil
    case .success(let proxy):
        Log.info(
            "start", "serving",
            ["version": headgateVersion, "workers": workers, "descriptors": descriptors, "config": path])
        ServiceManager.ready(status: "serving with \(workers) workers")
        return proxy
    }
}

private func serve(_ proxy: ProxyServer, _ path: String) -> Int32 {
    let delivered = Signals.deliver { signal in
        Log.info("signal", "stopping", ["signal": "\(signal)"])
        exit(0)
    }
    if case .failure(let errno) = delivered {
        Log.fatal("start", "cannot wait for signals: \(errno)")
        return 1
    }
    withExtendedLifetime(proxy) { while pause() != 0 {} }
    return 0
}
