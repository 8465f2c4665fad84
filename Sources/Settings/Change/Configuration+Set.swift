extension Configuration {
    /// This configuration with one key of `[headgate]` or `[defaults]` changed, as `SET key = value` on the console
    /// does. A default changes for every database that has the old one. Numbers without a unit are seconds or bytes,
    /// as PgBouncer takes them.
    public func setting(_ key: String, to text: String) -> Result<Configuration, Problem> {
        var changed = self
        if let general = GeneralSettings.keys[key] {
            return Self.decode(general, text, into: &changed.general).map { changed }
        }
        guard let setting = PoolSettings.keys[key] else {
            return .failure(Self.problem("unknown parameter: \(key)"))
        }
        let before = defaults
        if case .failure(let problem) = Self.decode(setting, text, into: &changed.defaults) { return .failure(problem) }
        for (name, database) in databases where setting.isSame(database.pool, before) {
            guard var touched = changed.databases[name] else { continue }
            _ = Self.decode(setting, text, into: &touched.pool)
            changed.databases[name] = touched
        }
        return .success(changed)
    }

    private static func decode<Section>(
        _ key: SettingKey<Section>, _ text: String, into section: inout Section
    ) -> Result<Void, Problem> {
        // What a file holds is read with the whole configuration.
        guard key.change == .live, !key.isSecret, !key.name.hasSuffix("_file") else {
            return .failure(problem("\(key.name) cannot be changed online"))
        }
        var first: Problem?
        for value in readings(of: text) {
            var log = ProblemLog(file: "SET")
            let field = Field(key: key.name, node: TOMLNode(value: value, position: .start), usual: key.usual)
            if key.decode(field, &section, &log) { return .success(()) }
            if first == nil { first = log.sorted.first }
        }
        return .failure(first ?? problem("\(key.name) cannot be \(text)"))
    }

    /// What text without TOML's quotes may mean, the likeliest first.
    private static func readings(of text: String) -> [TOMLNode.Value] {
        var readings: [TOMLNode.Value] = []
        if let number = Int64(text) { readings.append(.integer(number)) }
        switch text.lowercased() {
        case "on", "true", "yes", "1": readings.append(.boolean(true))
        case "off", "false", "no", "0": readings.append(.boolean(false))
        default: break
        }
        readings.append(.string(text))
        if Int64(text) != nil { readings.append(.string(text + "s")) }
        let words = text.split(separator: ",").map { part in
            TOMLNode(value: .string(String(part.drop { $0 == " " })), position: .start)
        }
        readings.append(.array(words))
        return readings
    }

    private static func problem(_ message: String) -> Problem {
        Problem(file: "SET", position: .start, severity: .error, message: message)
    }
}
