/// Reads HBA and ident files with what they include.
struct AccessReader {
    let environment: SettingsEnvironment
    private(set) var problems: [Problem] = []
    private var filesRead = 0

    /// PostgreSQL's `CONF_FILE_MAX_DEPTH`.
    private static let deepest = 10
    private static let mostFiles = 1_000
    private static let largestFile = 4 << 20

    init(_ environment: SettingsEnvironment) { self.environment = environment }

    /// The lines of the file at `path`, with those of the files it includes in their places. What goes wrong with the file
    /// itself is told at `named`, where its name stands.
    mutating func lines(of path: String, named: FilePlace, depth: Int = 0) -> [AccessLine] {
        guard let lines = scan(path, named: named, depth: depth) else { return [] }
        var all: [AccessLine] = []
        for line in lines {
            if let included = include(line, from: path, depth: depth) {
                all += included
            } else {
                all.append(AccessLine(fields: line.fields.map { expand($0, from: path, depth: depth) }))
            }
        }
        return all
    }

    /// The lines of one file as they stand there.
    private mutating func scan(_ path: String, named: FilePlace, depth: Int) -> [AccessLine]? {
        guard depth <= Self.deepest else {
            error(
                named, "\(quoted(path)) is included too deep", "files include each other", "remove one of the includes")
            return nil
        }
        filesRead += 1
        guard filesRead <= Self.mostFiles else {
            error(named, "more than \(Self.mostFiles) files are included", "no set of rules needs so many", "join them")
            return nil
        }
        switch environment.read(path, Self.largestFile) {
        case .failure(let failure):
            error(
                named, "\(quoted(path)) cannot be read: \(failure.reason)", "it says who may come in",
                "write the path of a file that is there")
            return nil
        case .success(let bytes):
            var scanner = AccessScanner(bytes, file: path)
            let lines = scanner.lines()
            problems += scanner.problems
            return lines
        }
    }

    /// What a line `include`, `include_if_exists` or `include_dir` stands for; nil for other lines.
    private mutating func include(_ line: AccessLine, from path: String, depth: Int) -> [AccessLine]? {
        guard let first = line.fields.first, first.count == 1, let word = first.first, !word.isQuoted,
            ["include", "include_if_exists", "include_dir"].contains(word.text)
        else { return nil }
        guard line.fields.count == 2, line.fields[1].count == 1, let name = line.fields[1].first, !name.text.isEmpty
        else {
            error(word.place, "\(word.text) names no file", "it is followed by one name", "write \(word.text) FILE")
            return []
        }
        let target = Self.resolve(name.text, from: path)
        switch word.text {
        case "include_if_exists":
            if case .failure = environment.facts(target) { return [] }
            return lines(of: target, named: name.place, depth: depth + 1)
        case "include_dir":
            guard case .success(let entries) = environment.list(target) else {
                error(
                    name.place, "\(quoted(target)) is no directory that can be read", "its files say who may come in",
                    "write the path of one that is there")
                return []
            }
            var all: [AccessLine] = []
            for entry in entries.sorted(by: { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
            where entry.hasSuffix(".conf") && !entry.hasPrefix(".") {
                all += lines(of: target + "/" + entry, named: name.place, depth: depth + 1)
            }
            return all
        default: return lines(of: target, named: name.place, depth: depth + 1)
        }
    }

    /// A list with the words of its `@file`s in their places.
    private mutating func expand(_ tokens: [AccessToken], from path: String, depth: Int) -> [AccessToken] {
        var all: [AccessToken] = []
        for token in tokens {
            guard !token.isQuoted, token.text.hasPrefix("@"), token.text.utf8.count > 1 else {
                all.append(token)
                continue
            }
            let target = Self.resolve(String(token.text.dropFirst()), from: path)
            for line in scan(target, named: token.place, depth: depth + 1) ?? [] {
                for field in line.fields { all += expand(field, from: target, depth: depth + 1) }
            }
        }
        return all
    }

    /// Names are relative to the directory of the file they stand in.
    private static func resolve(_ name: String, from path: String) -> String {
        guard !name.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return name }
        return String(path[...slash]) + name
    }

    mutating func error(_ place: FilePlace, _ what: String, _ why: String, _ instead: String) {
        add(.error, place, what, why, instead)
    }

    mutating func warning(_ place: FilePlace, _ what: String, _ why: String, _ instead: String) {
        add(.warning, place, what, why, instead)
    }

    private mutating func add(
        _ severity: Problem.Severity, _ place: FilePlace, _ what: String, _ why: String, _ instead: String
    ) {
        problems.append(
            Problem(
                file: place.file, position: place.position, severity: severity, message: "\(what), \(why), \(instead)"))
    }
}
