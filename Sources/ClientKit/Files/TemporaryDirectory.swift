package import Names
import Synchronization
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A directory in the one for temporary files (`TMPDIR`, /tmp), which its owner removes, or a signal that ends the process.
package struct TemporaryDirectory: Sendable {
    package let path: BytePath

    /// - Throws: `ClientError` with the code `no-temporary-file`.
    package init(named name: String) throws(ClientError) {
        let place = FileDescriptor.temporaryDirectory
        path = place.appending(path: BytePath(text: name))
        TemporaryNames.shared.add(path)
        guard path.withCString({ mkdir($0, 0o700) }) == 0 else {
            let reason = FileDescriptor.reason()
            TemporaryNames.shared.forget(path)
            throw ClientError(
                "no-temporary-file",
                "cannot make a temporary directory in '\(place)': \(reason); TMPDIR names another directory")
        }
    }

    /// Removes it with all that it contains.
    package func remove() {
        removeTree(path.text)
        TemporaryNames.shared.forget(path)
    }
}
