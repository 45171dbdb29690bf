// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that only `make fuzz` needs libFuzzer. scripts/fuzz.sh passes the flags that instrument all code.

let package = Package(
    name: "tessera-fuzzing",
    dependencies: [.package(name: "tessera", path: "..")],
    targets: [
        .target(name: "CLibFuzzer"),
        .executableTarget(
            name: "Fuzzer", dependencies: ["CLibFuzzer", .product(name: "FuzzTargets", package: "tessera")],
            swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]),
    ]
)
