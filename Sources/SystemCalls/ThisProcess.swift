import Glibc
import Names

/// The process that asks: its environment, its program, its life, its limits, its memory.
package enum ThisProcess {
    /// The present value of an environment variable.
    @Sendable
    package static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// The path of the program that runs, with all symbolic links resolved, in the text form of names; `nil` without a mounted
    /// /proc.
    package static var executablePath: String? { executable?.text }

    private static var executable: BytePath? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        return BytePath(UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }

    /// The path of the file `name` in the directory of the running program; `name` itself when that is unknown.
    package static func pathBesideExecutable(_ name: String) -> String {
        guard let executable else { return name }
        return executable.directory.appending(path: BytePath(text: name)).text
    }

    /// The name of the machine, as the kernel has it: any bytes, possibly none.
    package static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
