import Glibc
import JobModel
import Names
import SystemCalls

/// The file in which a daemon remembers which generations it has met, beyond its own life.
///
///     # comment
///     LINEAGE NUMBER        32 hexadecimal digits and a decimal number; the lineage that was met last is at the end
///
/// The daemons of one user on one machine may share it: each change is made under a lock, to what the file has then.
package struct GenerationFile: Sendable {
    package let path: String

    /// What was read: the lines that are right, and the number of those that are not.
    package struct Content: Sendable, Hashable {
        package var memory = GenerationMemory()
        package var malformedLineCount = 0
    }

    private static let heading = """
        # The latest generation of each master's state that a Tessera daemon of this user has met on this machine. To serve an
        # earlier state again, stop the daemon and remove the line of its lineage.

        """
    /// Far more than the lineages that are remembered take.
    private static let longestFile = 64 << 10

    package init(path: String) { self.path = path }

    /// - Parameters:
    ///   - given: by the settings.
    ///   - environment: of the process.
    /// - Returns: the place where the file belongs: of a service the directory that its manager made for its state, of others one
    ///   below the user's home; `nil` when there is neither.
    package static func path(given: String?, environment: (String) -> String?) -> String? {
        if let given { return given }
        func absolute(_ name: String) -> String? { environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil } }
        // Of several, the first one.
        if let state = absolute("STATE_DIRECTORY")?.split(separator: ":").first { return "\(state)/generations" }
        let home = absolute("XDG_STATE_HOME") ?? absolute("HOME").map { $0 + "/.local/state" }
        return home.map { $0 + "/tessera/generations" }
    }

    /// What the file has; nothing while there is none.
    package func read() throws(SystemError) -> Content {
        guard let file = OwnedDescriptor(result: open(O_RDONLY)) else {
            guard errno == ENOENT else { throw .last }
            return Content()
        }
        var bytes: [UInt8] = []
        while bytes.count < Self.longestFile {
            guard let more = file.read(upTo: Self.longestFile - bytes.count) else { throw .last }
            if more.isEmpty { break }
            bytes += more
        }
        return Self.parse(String(decoding: bytes, as: UTF8.self))
    }

    /// Adds a generation to what the file has now, durably.
    package func add(_ generation: Generation) throws(SystemError) {
        // Whether one that is there may be used shows when the file is opened.
        do throws(DirectoryError) { try makeDirectories(to: BytePath(text: path).directory) } catch {
            throw error.reason
        }
        let lock = path + ".lock"
        guard
            let locked = OwnedDescriptor(
                result: BytePath(text: lock).withCString { Glibc.open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }),
            flock(locked.number, LOCK_EX) == 0
        else { throw .last }
        var memory = try read().memory
        guard case .news = memory.meet(generation) else { return }
        let lines = memory.latest.map { "\($0.lineage) \($0.number)\n" }.joined()
        try replaceFile(at: path, with: Array((Self.heading + lines).utf8), mode: 0o600, isDurable: true)
    }

    private static func parse(_ text: String) -> Content {
        var content = Content()
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard words.count == 2, let lineage = Lineage(hex: words[0]), let number = UInt64(words[1]) else {
                content.malformedLineCount += 1
                continue
            }
            _ = content.memory.meet(Generation(of: lineage, number: number))
        }
        return content
    }

    private func open(_ flags: CInt) -> CInt {
        BytePath(text: path).withCString { Glibc.open($0, flags | O_CLOEXEC) }
    }
}
