import CSystemCalls
import Glibc
import Names

extension ThisProcess {
    /// The arguments of this process without the program's name, in the text form of names (`NameText`): bytes that are not
    /// UTF-8 are kept, which `CommandLine.arguments` replaces by U+FFFD.
    package static var arguments: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { NameText.text(of: bytes($0)) }
        }
    }

    /// The environment of this process, its values in the text form of names.
    package static var variables: [String: String] {
        var variables: [String: String] = [:]
        guard var next = tsr_system_environment() else { return variables }
        while let entry = next.pointee {
            let parts = bytes(entry).split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[NameText.text(of: parts[0])] = NameText.text(of: parts[1]) }
            next += 1
        }
        return variables
    }

    /// The path from the root, by the directory in which this process is; in the text form of names.
    package static func absolutePath(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        let base = NameText.text(of: bytes(directory))
        return path == "." ? base : (base == "/" ? "" : base) + "/" + path
    }

    private static func bytes(_ string: UnsafePointer<CChar>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: string, count: strlen(string))
    }
}
