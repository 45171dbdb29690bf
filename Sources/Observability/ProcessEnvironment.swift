import Glibc

/// The environment that the process was started with.
enum ProcessEnvironment {
    @Sendable static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
