public import Settings
import Telemetry

/// Makes the configured level that of the log.
public func adoptLogLevel(_ configuration: Configuration) {
    switch configuration.general.logLevel {
    case .debug: Log.level = .debug
    case .info: Log.level = .info
    case .warning: Log.level = .warn
    case .error: Log.level = .error
    }
}
