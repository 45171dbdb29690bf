// swift-tools-version: 6.2
import PackageDescription

// Each target is one idea; dependencies point only downward. docs/architecture.md draws the house.
// Sources/ is what is installed, Tools/ what helps to develop it, Tests/ what proves it.
//
// `swift build` and `swift test` build everything that a developer needs. Environment variables change what is built
// (docs/decisions/0021); the Makefile sets the first two:
//
//     TESSERA_PARTS=programs   only the programs that `make demo` runs: no tests, no simulation, no other tools
//     TESSERA_RANK_V3=1        the rank's second build, for x86-64-v3 processors, too: what is installed has both
//     TESSERA_WEB=1            the gateway, tessera-web, and its tests, too: `make build`, `make web` and `make web-test` set it
//     TESSERA_TESTS=A,B        of the test targets only these, which builds sooner while you work on one thing

/// Whether only the programs are built.
let isProgramsOnly = Context.environment["TESSERA_PARTS"] == "programs"
#if arch(x86_64)
    /// Whether the rank is also built for processors with wider vectors.
    let hasRankV3 = Context.environment["TESSERA_RANK_V3"] == "1"
#else
    let hasRankV3 = false
#endif

/// Whether the gateway is built.
let hasWeb = Context.environment["TESSERA_WEB"] == "1"

/// Warnings are errors in our own code.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]
/// Kernels are optimised in debug builds too, and check bounds at their edges instead of at every sample.
let kernels: [SwiftSetting] = strict + [.unsafeFlags(["-Ounchecked"])]
/// A rank that was built alone never looks for the other build beside it, which would have older sources.
let rankBuilds: [SwiftSetting] = hasRankV3 ? [.define("TESSERA_RANK_V3")] : []

// Seeded faults: the pure targets are compiled a second time, as `...WithFaults`, with deliberate mistakes in them that the
// simulation must find. Nothing that is installed depends on these targets; Tests/WithFaults/README.md explains them.
//
//     swift run -c release tessera-sim --faults all --seeds 1000            every fault, each in its own process
//     swift run -c release tessera-sim --faults token-ignored --seeds 1000  one fault
//
// `-module-alias Scheduler=SchedulerWithFaults` lets the sources import one another under their usual names.
let targetsWithFaults = ["SeededFaults", "Scheduler", "WorkerMachine", "MasterMachine", "Simulation"]
let withFaults: [SwiftSetting] =
    strict + [
        .define("SEEDED_FAULTS"),
        // Optimised in debug builds too: finding a fault takes many runs.
        .unsafeFlags(["-O"] + targetsWithFaults.flatMap { ["-module-alias", "\($0)=\($0)WithFaults"] }),
    ]

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "tessera",
    products: [
        .executable(name: "tessera-master", targets: ["MasterDaemon"]),
        .executable(name: "tessera-worker", targets: ["WorkerDaemon"]),
        .executable(name: "tessera-rank", targets: ["Rank"]),
        .executable(name: "tessera", targets: ["Client"]),
        .executable(name: "enlarge", targets: ["Enlarge"]),
        .executable(name: "tessera-sim", targets: ["SimulationTool"]),
        .executable(name: "tessera-kernels", targets: ["KernelTool"]),
        // For the tests of lost power and of failing disks; not installed.
        .executable(name: "journal-writer", targets: ["JournalWriter"]),
        .library(name: "FaultyDisk", type: .dynamic, targets: ["CFaultyDisk"]),
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
        // Loaded into ranks by the tests only; not installed.
        .library(name: "test-poison", type: .dynamic, targets: ["CTestPoison"]),
        .library(name: "test-resolver", type: .dynamic, targets: ["CTestResolver"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // Without its default traits, which would bring all of Foundation into the programs.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Ground.
        .target(name: "Names", swiftSettings: strict),
        .target(name: "JSONText", dependencies: ["Names"], swiftSettings: strict),
        // Also without the gateway: it reads what strangers write, and is fuzzed.
        .target(name: "GatewayLogic", dependencies: ["JSONText"], swiftSettings: strict),
        .target(name: "ByteCoding", swiftSettings: strict),
        .target(name: "JobModel", dependencies: ["ByteCoding"], swiftSettings: strict),
        .target(name: "Pipelines", swiftSettings: strict),
        .target(name: "ImagingModel", dependencies: ["JobModel", "Pipelines"], swiftSettings: strict),
        .target(
            name: "ImageFormats", dependencies: ["ByteCoding", "Checksums", "JobModel", "Pipelines"],
            swiftSettings: strict),
        .target(name: "Kernels", dependencies: ["ByteCoding", "Pipelines"], swiftSettings: kernels),
        .target(
            name: "Protocol",
            dependencies: [
                "Checksums", "JobModel", nio("NIOCore"), .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["tessera.proto"], swiftSettings: strict),

        // C, each imported by one Swift target.
        .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .target(name: "CMPI", dependencies: ["COpenMPI"]),
        .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .target(name: "CPNG", dependencies: ["CLibPNG"]),
        .systemLibrary(name: "CLibJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        .target(name: "CJPEG", dependencies: ["CLibJPEG"]),
        .systemLibrary(name: "CLibTIFF", pkgConfig: "libtiff-4", providers: [.apt(["libtiff-dev"])]),
        .target(name: "CTIFF", dependencies: ["CLibTIFF"]),
        .systemLibrary(name: "CLibWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .target(name: "CWebP", dependencies: ["CLibWebP"]),
        .systemLibrary(name: "CLibLCMS", pkgConfig: "lcms2", providers: [.apt(["liblcms2-dev"])]),
        .target(name: "CLCMS", dependencies: ["CLibLCMS"]),
        .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CLibSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CLibSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "Cryptography", dependencies: ["CLibCrypto"], swiftSettings: strict),
        .systemLibrary(name: "CLibSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CTLS", dependencies: ["CLibCrypto", "CLibSSL"]),
        .target(name: "TLS", dependencies: ["CTLS"], swiftSettings: strict),
        .target(name: "SQLite", dependencies: ["CLibSQLite"], swiftSettings: strict),
        .target(name: "CSystemd", dependencies: ["CLibSystemd"]),
        .target(name: "CSystemCalls"),
        .target(name: "SystemCalls", dependencies: ["CSystemCalls", "Names"], swiftSettings: strict),
        .target(name: "Checksums", dependencies: ["CISAL"], swiftSettings: strict),

        // Pure, or nearly: no sockets, no clocks.
        .target(name: "SeededFaults", swiftSettings: strict),
        .target(
            name: "Scheduler",
            dependencies: ["JobModel", "Metrics", "Pipelines", "ImagingModel", "SeededFaults", heap],
            swiftSettings: strict),
        .target(name: "Retrying", swiftSettings: strict),
        .target(name: "Metrics", swiftSettings: strict),
        .target(name: "WorkerMachine", dependencies: ["JobModel", "Retrying", "SeededFaults"], swiftSettings: strict),
        .target(name: "MasterMachine", dependencies: ["JobModel", "SeededFaults", "Scheduler"], swiftSettings: strict),
        .target(
            name: "Journal", dependencies: ["ByteCoding", "JobModel", "Checksums", "SQLite"],
            swiftSettings: strict),
        .target(
            name: "ImageCodecs",
            dependencies: [
                "Checksums", "JobModel", "Pipelines", "Kernels", "ImageFormats", "CPNG", "CJPEG", "CLCMS", "CTIFF",
                "CWebP",
                "CISAL",
            ],
            swiftSettings: kernels),

        // Shells.
        .target(
            name: "BlobStore", dependencies: ["JobModel", "Checksums", "SystemCalls", "Cryptography"],
            swiftSettings: strict),
        .target(
            name: "Transport",
            dependencies: [
                "Names", "Protocol", "Retrying", "SystemCalls", nio("NIOCore"), nio("NIOPosix"), "Cryptography", "TLS",
                log,
            ],
            swiftSettings: strict),
        .target(
            name: "Backup",
            dependencies: ["Cryptography", "JobModel", "Journal", "Scheduler", "SystemCalls"],
            swiftSettings: strict),
        .target(name: "MPI", dependencies: ["CMPI", "SystemCalls"], swiftSettings: strict),
        .target(name: "LogHandlers", dependencies: ["CSystemd", "Names", "SystemCalls", log], swiftSettings: strict),
        .target(
            name: "Settings",
            dependencies: ["CLibYAML", "Names"],
            swiftSettings: strict),
        .target(
            name: "DaemonSupport",
            dependencies: [
                "JobModel", "LogHandlers", "Metrics", "Names", "Settings", "SystemCalls", "Transport", log,
                nio("NIOCore"), nio("NIOPosix"),
            ],
            swiftSettings: strict),
        .target(
            name: "MasterClient",
            dependencies: ["Retrying", "Transport", nio("NIOCore"), nio("NIOPosix"), "Cryptography", log],
            swiftSettings: strict),

        // What programs that talk to a master are made of. Imports are internal by default, so that the compiler keeps the
        // wire's messages out of its public API.
        .target(
            name: "ClientKit",
            dependencies: [
                "JobModel", "Pipelines", "ImageFormats", "JSONText", "Names", "Protocol", "SystemCalls", "Transport",
                "Retrying", "MasterClient", "Cryptography", nio("NIOCore"), log,
            ], swiftSettings: strict + [.enableUpcomingFeature("InternalImportsByDefault")]),

        .target(name: "Autoscaling", dependencies: ["JobModel"], swiftSettings: strict),
        .target(
            name: "PrivateCluster", dependencies: ["JSONText", "Names", "SystemCalls", "Transport"],
            swiftSettings: strict),

        // Executables: composition roots over types that tests can reach.
        .executableTarget(
            name: "MasterDaemon",
            dependencies: [
                "JobModel", "Pipelines", "ImagingModel", "ImageFormats", "Protocol", "Scheduler", "MasterMachine",
                "Backup", "Journal", "BlobStore",
                "Transport", "DaemonSupport", "Metrics", "Settings", "SystemCalls", log, "Cryptography",
                nio("NIOCore"),
                nio("NIOPosix"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "WorkerDaemon",
            dependencies: [
                "ByteCoding", "JobModel", "WorkerMachine", "Protocol", "Transport", "MasterClient", "DaemonSupport",
                "Metrics", "Retrying", "Settings",
                "SystemCalls", log,
            ], swiftSettings: strict),
        .executableTarget(
            name: "Rank",
            dependencies: [
                "ByteCoding", "Checksums", "JobModel", "Pipelines", "ImagingModel", "ImageFormats", "Kernels",
                "ImageCodecs", "MPI", "SystemCalls",
            ],
            swiftSettings: strict + rankBuilds),
        .executableTarget(
            name: "Client",
            dependencies: [
                "Autoscaling", "ClientKit", "JobModel", "Names", "PrivateCluster", "SystemCalls", "Transport",
                "Pipelines",
                "Kernels", "ImageFormats", "ImageCodecs", "Settings", arguments,
            ], swiftSettings: strict),

        // Tools/: not installed.
        // Optimised, since tests draw millions of numbers.
        .target(
            name: "SeededRandom", path: "Tools/SeededRandom", swiftSettings: strict + [.unsafeFlags(["-O"])]),
        .executableTarget(
            name: "KernelTool", dependencies: ["Pipelines", "Kernels"], path: "Tools/KernelTool", swiftSettings: kernels
        ),
        .executableTarget(
            name: "Enlarge", dependencies: ["Pipelines", "Kernels", "ImageFormats", "ImageCodecs"],
            path: "Tools/Enlarge", swiftSettings: kernels),
        .target(
            name: "Simulation",
            dependencies: [
                "JobModel", "Pipelines", "ImagingModel", "SeededFaults", "Scheduler", "WorkerMachine", "MasterMachine",
                "Retrying", "SeededRandom",
                heap,
            ], path: "Tools/Simulation", swiftSettings: strict),
        .executableTarget(
            name: "SimulationTool",
            dependencies: ["Simulation", "SimulationWithFaults", "SeededFaultsWithFaults", arguments],
            path: "Tools/SimulationTool", swiftSettings: strict),
        .executableTarget(
            name: "JournalWriter", dependencies: ["Journal", "JobModel", "TestSupport"], path: "Tools/JournalWriter",
            swiftSettings: strict),

        // The pure targets a second time, with the seeded faults.
        .target(name: "SeededFaultsWithFaults", path: "Tests/WithFaults/SeededFaults", swiftSettings: withFaults),
        .target(
            name: "SchedulerWithFaults",
            dependencies: ["JobModel", "Metrics", "Pipelines", "ImagingModel", "SeededFaultsWithFaults", heap],
            path: "Tests/WithFaults/Scheduler", swiftSettings: withFaults),
        .target(
            name: "WorkerMachineWithFaults", dependencies: ["JobModel", "Retrying", "SeededFaultsWithFaults"],
            path: "Tests/WithFaults/WorkerMachine", swiftSettings: withFaults),
        .target(
            name: "MasterMachineWithFaults",
            dependencies: ["JobModel", "SeededFaultsWithFaults", "SchedulerWithFaults"],
            path: "Tests/WithFaults/MasterMachine", swiftSettings: withFaults),
        .target(
            name: "SimulationWithFaults",
            dependencies: [
                "JobModel", "Pipelines", "ImagingModel", "SeededFaultsWithFaults", "SchedulerWithFaults",
                "WorkerMachineWithFaults",
                "MasterMachineWithFaults", "Retrying", "SeededRandom", heap,
            ], path: "Tests/WithFaults/Simulation", swiftSettings: withFaults),

        // Run by the ordinary tests over the corpus, and by the package in Fuzzing/ under libFuzzer.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Backup", "ByteCoding", "Cryptography", "GatewayLogic", "JobModel", "JSONText", "Metrics", "Protocol",
                "Pipelines", "Kernels",
                "ImageFormats",
                "ImageCodecs", "TLS",
                nio("NIOCore"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], path: "Fuzzing/Targets", swiftSettings: strict),

        // Tests.
        .target(name: "CTestPoison", path: "Tests/Poison"),
        .target(name: "CTestResolver", path: "Tests/Resolver"),
        .target(name: "TestBasics", dependencies: ["Metrics"], path: "Tests/TestBasics", swiftSettings: strict),
        .target(name: "CTestProcess", path: "Tests/CTestProcess"),
        // Optimised, since it makes pictures of hundreds of megabytes.
        .target(
            name: "TestSupport",
            dependencies: [
                "JobModel", "Pipelines", "ImagingModel", "Kernels", "ImageFormats", "ImageCodecs", "ClientKit",
                "Names", "Protocol", "SeededRandom", "Transport", "CTestProcess", log,
                nio("NIOCore"),
            ], path: "Tests/TestSupport", swiftSettings: strict + [.unsafeFlags(["-O"])]),
        .testTarget(
            name: "TestSupportTests", dependencies: ["TestSupport", "Protocol", nio("NIOCore")], swiftSettings: strict),
        .testTarget(name: "NamesTests", dependencies: ["Names", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "ChecksumsTests", dependencies: ["Checksums", "SeededRandom"], swiftSettings: strict),
        .testTarget(
            name: "JobModelTests", dependencies: ["ByteCoding", "JobModel", "SeededRandom"], swiftSettings: strict),
        .testTarget(
            name: "ImagingTests",
            dependencies: ["Pipelines", "Kernels", "ImageFormats", "ImageCodecs", "SeededRandom"],
            resources: [.copy("Golden")],
            swiftSettings: strict),
        .testTarget(
            name: "ImageCodecsTests",
            dependencies: [
                "Checksums", "FuzzTargets", "ImageFormats", "ImageCodecs", "JobModel", "Kernels", "Pipelines",
                "SeededRandom",
            ],
            resources: [.copy("JPEG"), .copy("Metadata"), .copy("PngSuite"), .copy("TIFFFiles"), .copy("WebP")],
            swiftSettings: strict),
        .testTarget(
            name: "ProtocolTests", dependencies: ["Protocol", "SeededRandom", nio("NIOCore")], swiftSettings: strict),
        .testTarget(
            name: "SchedulerTests", dependencies: ["Scheduler", "ImageFormats", "SeededRandom"], swiftSettings: strict),
        .testTarget(
            name: "JournalTests", dependencies: ["Journal", "SQLite", "TestBasics"],
            resources: [.copy("EarlierRelease")],
            swiftSettings: strict),
        .testTarget(
            name: "BackupTests",
            dependencies: ["Backup", "BlobStore", "JobModel", "Journal", "Pipelines", "SystemCalls", "TestBasics"],
            swiftSettings: strict),
        .testTarget(
            name: "BlobStoreTests", dependencies: ["BlobStore", "SystemCalls", "TestBasics"], swiftSettings: strict),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "Transport", "MasterClient", "ClientKit", "SeededRandom", "TestSupport", nio("NIOEmbedded"),
            ],
            swiftSettings: strict),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography"], swiftSettings: strict),
        .testTarget(name: "TLSTests", dependencies: ["TLS", "CLibSSL"], swiftSettings: strict),
        .testTarget(
            name: "SystemCallsTests", dependencies: ["Names", "SystemCalls", "TestBasics"], swiftSettings: strict),
        .testTarget(name: "LogHandlersTests", dependencies: ["LogHandlers"], swiftSettings: strict),
        .testTarget(
            name: "DaemonSupportTests",
            dependencies: [
                "DaemonSupport", "JobModel", "Metrics", "Settings", "SystemCalls", "TestBasics", "Transport", log,
            ],
            swiftSettings: strict),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"], swiftSettings: strict),
        .testTarget(
            name: "AutoscalingTests", dependencies: ["Autoscaling", "JobModel", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics"], swiftSettings: strict),
        .testTarget(
            name: "PrivateClusterTests", dependencies: ["PrivateCluster", "SystemCalls", "TestBasics"],
            swiftSettings: strict),
        .testTarget(
            name: "RankTests",
            dependencies: [
                "ByteCoding", "Rank", "Kernels", "ImageFormats", "ImageCodecs", "SeededRandom", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MasterDaemonTests",
            dependencies: [
                "MasterDaemon", "MasterMachine", "DaemonSupport", "JobModel", "Journal", "Metrics", "Scheduler",
                "BlobStore", "ClientKit", "TestBasics", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "WorldTests", dependencies: ["WorkerDaemon", "Rank", "TestSupport"],
            swiftSettings: strict + rankBuilds),
        .testTarget(
            name: "WorkerDaemonTests",
            dependencies: [
                "WorkerDaemon", "WorkerMachine", "DaemonSupport", "JobModel", "Metrics", "Retrying", "TestBasics",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "WorkerMachineTests", dependencies: ["JobModel", "WorkerMachine", "Retrying"], swiftSettings: strict),
        .testTarget(
            name: "MasterMachineTests", dependencies: ["MasterMachine", "Scheduler", "JobModel", "SeededRandom"],
            swiftSettings: strict),
        .testTarget(name: "RetryingTests", dependencies: ["Retrying", "SeededRandom"], swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["SimulationTool", "SimulationWithFaults", "SeededFaultsWithFaults", "JobModel"],
            swiftSettings: strict),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: strict),
        .testTarget(
            name: "ClientKitTests",
            dependencies: [
                "ClientKit", "MasterClient", "Transport", "Names", "Protocol", "JobModel", "Pipelines", "ImageFormats",
                "SeededRandom", "SystemCalls", "TestBasics",
                "Cryptography", nio("NIOCore"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "Client", "ClientKit", "MasterClient", "Names", "Pipelines", "Kernels", "ImageFormats", "ImageCodecs",
                "Autoscaling", "Cryptography", "PrivateCluster", "TestBasics",
            ],
            swiftSettings: strict),
        .target(name: "CFaultyDisk", path: "Tests/CFaultyDisk"),
        .testTarget(
            name: "DurabilityTests",
            dependencies: [
                "TestSupport", "ClientKit", "MasterClient", "Transport", "Retrying", "Protocol", "JobModel",
                "Pipelines",
                "Kernels", "ImageFormats", "ImageCodecs", "Rank", "Journal", "SystemCalls", "CFaultyDisk",
                "JournalWriter", "SeededRandom", "TestBasics", "Cryptography", log,
            ], swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "TestSupport", "ClientKit", "MasterClient", "Transport", "Protocol", "Journal", "JobModel", "Pipelines",
                "Kernels", "ImageFormats", "ImageCodecs", "Checksums", "Names", "SeededRandom", "SystemCalls",
                "TestBasics", "TLS", log,
                nio("NIOCore"), nio("NIOPosix"),
            ], swiftSettings: strict),
    ]
)

if hasRankV3 {
    // The rank's program once more, for processors with wider vectors: the same sources through symbolic links, under names
    // of their own. `tessera-rank` becomes `tessera-rank-v3` where it can. docs/decisions/0007 says why.
    let level: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3"]), .define("TESSERA_X86_64_V3")]
    func renamed(_ modules: String...) -> [SwiftSetting] {
        [.unsafeFlags(modules.flatMap { ["-module-alias", "\($0)=\($0)V3"] })]
    }
    package.products += [
        .executable(name: "tessera-rank-v3", targets: ["RankV3"]),
        .executable(name: "tessera-kernels-v3", targets: ["KernelToolV3"]),
    ]
    package.targets += [
        .target(
            name: "KernelsV3", dependencies: ["ByteCoding", "Pipelines"], path: "Sources/x86-64-v3/Kernels",
            swiftSettings: kernels + level),
        .target(
            name: "ImageCodecsV3",
            dependencies: [
                "Checksums", "JobModel", "Pipelines", "KernelsV3", "ImageFormats", "CPNG", "CJPEG", "CLCMS", "CTIFF",
                "CWebP",
                "CISAL",
            ],
            path: "Sources/x86-64-v3/ImageCodecs", swiftSettings: kernels + level + renamed("Kernels")),
        .executableTarget(
            name: "RankV3",
            dependencies: [
                "ByteCoding", "Checksums", "JobModel", "Pipelines", "ImagingModel", "ImageFormats", "KernelsV3",
                "ImageCodecsV3", "MPI", "SystemCalls",
            ],
            path: "Sources/x86-64-v3/Rank", swiftSettings: strict + level + renamed("Kernels", "ImageCodecs")),
        .executableTarget(
            name: "KernelToolV3", dependencies: ["Pipelines", "KernelsV3"], path: "Tools/x86-64-v3/KernelTool",
            swiftSettings: kernels + level + renamed("Kernels")),
    ]
}

if hasWeb {
    package.products.append(.executable(name: "tessera-web", targets: ["Gateway"]))
    package.targets += [
        .target(
            name: "GatewayStore",
            dependencies: ["Cryptography", "GatewayLogic", "JSONText", "SQLite", "SystemCalls"],
            swiftSettings: strict),
        .executableTarget(
            name: "Gateway",
            dependencies: [
                "CISAL", "Checksums", "ClientKit", "Cryptography", "DaemonSupport", "GatewayLogic", "GatewayStore",
                "ImageCodecs",
                "ImageFormats", "ImagingModel", "JobModel", "JSONText", "Kernels", "MasterClient", "Names", "Pipelines",
                "Settings", "SystemCalls", "TLS", "Transport", nio("NIOCore"), nio("NIOHTTP1"), nio("NIOPosix"), log,
            ], swiftSettings: strict),
        .testTarget(
            name: "GatewayLogicTests", dependencies: ["GatewayLogic", "GatewayStore", "JSONText", "SeededRandom"],
            swiftSettings: strict),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "ClientKit", "Gateway", "GatewayLogic", "GatewayStore", "JobModel", "JSONText", "TLS", "TestBasics",
                "TestSupport", "SystemCalls",
                nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOEmbedded"),
            ], swiftSettings: strict),
    ]
}

let chosenTests = Context.environment["TESSERA_TESTS", default: ""].split(separator: ",").map(String.init)
if !chosenTests.isEmpty {
    for name in chosenTests where !package.targets.contains(where: { $0.type == .test && $0.name == name }) {
        fatalError("TESSERA_TESTS names '\(name)', which is not a test target of Package.swift")
    }
    package.targets.removeAll { $0.type == .test && !chosenTests.contains($0.name) }
}

if isProgramsOnly {
    let programs = [
        "tessera", "tessera-master", "tessera-worker", "tessera-rank", "tessera-rank-v3", "tessera-web", "enlarge",
    ]
    package.products.removeAll { !programs.contains($0.name) }
    package.targets.removeAll { target in
        let path = target.path ?? "Sources/"
        return target.type == .test || !(path.hasPrefix("Sources/") || path == "Tools/Enlarge")
    }
}
