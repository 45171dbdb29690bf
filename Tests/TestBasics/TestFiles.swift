import Foundation

/// Files of a test.
package enum TestFiles {
    package static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    package static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    package static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    package static func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    /// The names of the files in a directory, sorted.
    package static func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }
}
