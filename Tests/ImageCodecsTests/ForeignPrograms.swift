import Foundation
import Testing

/// Programs of others that look at our files. `scripts/setup.sh tests` installs them.
enum ForeignPrograms {
    static let needed = ["exiftool", "identify", "openslide-write-png", "tiffinfo"]
    /// Debian's, which its Pillow belongs to.
    static let python = "/usr/bin/python3"

    /// Those that are not there, and Pillow where Python does not find it.
    static let missing: [String] = {
        var missing = needed.filter { (try? run("command", ["-v", $0])) == nil }
        if (try? run(python, ["-c", "from PIL import Image, ImageCms"])) == nil { missing.append("python3-pil") }
        return missing
    }()

    /// Without them there is nothing to test with. Where they have to be there, in CI, tests are not skipped but fail.
    static let areExpected = missing.isEmpty || ProcessInfo.processInfo.environment["CI"] != nil

    static var advice: Comment {
        "\(missing.joined(separator: ", ")) not found: `scripts/setup.sh tests` installs what is needed"
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What a program prints.
    @discardableResult
    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "\(program) \"$@\"", "sh"] + arguments
        let output = Pipe()
        process.standardOutput = output
        // exiftool and tiffinfo warn of what they do not know.
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(program) \(arguments) ends with \(process.terminationStatus)")
        }
        return String(decoding: text, as: UTF8.self)
    }
}
