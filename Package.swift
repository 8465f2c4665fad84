// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is held to the same rules: language mode 6, strict memory safety, warnings are errors.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// For the rooms every message passes through. Half of their instructions were run-time exclusivity checks of class
/// properties, so release builds leave these out; debug builds, and with them `swift test`, keep them. Why that is safe,
/// and what it is worth: docs/design/cost.md.
let hotRules = rules + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// `Lifetimes` is experimental, so only the byte module may use it.
let byteRules = rules + [.enableExperimentalFeature("Lifetimes")]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], _ settings: [SwiftSetting] = rules) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], fixtures: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.init(stringLiteral: name)] + dependencies, exclude: fixtures,
        swiftSettings: rules)
}

func systemLibrary(_ name: String, apt package: String, pkgConfig: String? = nil) -> Target {
    .systemLibrary(name: name, path: "Sources/CShims/" + name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

let package = Package(
    name: "headgate",
    products: [.executable(name: "headgate", targets: ["headgate"])],
    targets: [
        systemLibrary("CLibev", apt: "libev-dev"),
        systemLibrary("COpenSSL", apt: "libssl-dev", pkgConfig: "openssl"),
        systemLibrary("CPgQuery", apt: "libpg-query-dev"),
        systemLibrary("CZlib", apt: "zlib1g-dev", pkgConfig: "zlib"),
        systemLibrary("CZstd", apt: "libzstd-dev", pkgConfig: "libzstd"),
        systemLibrary("CSystemd", apt: "libsystemd-dev", pkgConfig: "libsystemd"),
        .target(name: "CLinux", path: "Sources/CShims/CLinux"),
        .target(
            name: "CTomlPlusPlus", path: "Sources/CShims/CTomlPlusPlus",
            cxxSettings: [.define("TOML_HEADER_ONLY", to: "1")]),

        // A target may import only those above it.
        room("ByteKit", [], byteRules),
        room("Credentials", ["ByteKit", "COpenSSL"]),
        room("SQLText", ["ByteKit", "CPgQuery"], hotRules),
        room("PostgresWire", ["ByteKit"]),
        room("MySQLWire", ["ByteKit", "CZlib", "CZstd"], hotRules),
        room("Settings", ["ByteKit", "Credentials", "CTomlPlusPlus", "CLinux"]),
        room(
            "Sessions", ["ByteKit", "Credentials", "SQLText", "PostgresWire", "MySQLWire", "Settings"], hotRules),
        room("Pooling", ["ByteKit", "Settings"], hotRules),
        room("AuditTrail", ["ByteKit", "Credentials", "SQLText", "Settings", "CLinux"], hotRules),
        room("Telemetry", ["ByteKit"]),
        room(
            "EventLoop", ["ByteKit", "Credentials", "Telemetry", "COpenSSL", "CLibev", "CLinux", "CSystemd"], hotRules),
        room(
            "Proxy",
            [
                "ByteKit", "Credentials", "SQLText", "PostgresWire", "Settings", "Sessions", "Pooling", "AuditTrail",
                "Telemetry", "EventLoop", "CLinux",
            ], hotRules),
        room("Console", ["ByteKit", "PostgresWire", "Settings", "AuditTrail", "Telemetry", "EventLoop", "Proxy"]),
        .executableTarget(
            name: "headgate",
            dependencies: [
                "ByteKit", "Credentials", "Settings", "AuditTrail", "Telemetry", "EventLoop", "Proxy", "Console",
                "CLinux",
            ],
            swiftSettings: rules),

        tests("ByteKit"),
        tests("Credentials", ["ByteKit"]),
        tests("SQLText", ["ByteKit"], fixtures: ["Digests", "Replays"]),
        tests("PostgresWire", ["ByteKit"]),
        tests("MySQLWire", ["ByteKit"], fixtures: ["Recorded"]),
        tests("Settings", ["Credentials"]),
        tests("Sessions", ["ByteKit", "Credentials", "SQLText", "PostgresWire", "MySQLWire", "Settings"]),
        tests("Pooling", ["ByteKit", "Settings"]),
        tests("AuditTrail", ["ByteKit", "Credentials", "Settings"]),
        tests("Telemetry", ["ByteKit"]),
        tests("EventLoop", ["ByteKit", "Credentials", "COpenSSL", "Telemetry"]),
        tests("Console", ["ByteKit", "PostgresWire", "Settings", "Proxy"]),
        // A library, so that 10,000 runs can be made by a program built for speed.
        .target(
            name: "Simulation",
            dependencies: [
                "ByteKit", "Credentials", "SQLText", "PostgresWire", "MySQLWire", "Settings", "Sessions", "Pooling",
            ],
            path: "Tests/Simulation", swiftSettings: rules),
        .executableTarget(
            name: "SimulationRun", dependencies: ["Simulation"], path: "Tests/SimulationRun", swiftSettings: rules),
        tests("Simulation"),

        // What hostile bytes are thrown at, as a library: `make fuzz` drives it by libFuzzer, the tests with its seeds.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "ByteKit", "Credentials", "SQLText", "PostgresWire", "MySQLWire", "Settings", "Sessions", "AuditTrail",
            ],
            path: "Fuzzing/Targets", swiftSettings: rules),
        tests("FuzzTargets"),

        .executableTarget(
            name: "MicroBench",
            dependencies: ["ByteKit", "PostgresWire", "MySQLWire", "SQLText", "Pooling", "AuditTrail"],
            path: "Benchmarks/MicroBench", swiftSettings: rules),
    ],
    cxxLanguageStandard: .cxx20
)

// Links only with `-sanitize=fuzzer` (scripts/fuzz).
if Context.environment["HEADGATE_FUZZING"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["FuzzTargets"], path: "Fuzzing/Driver",
            swiftSettings: rules))
}
