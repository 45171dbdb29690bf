import Checksums
import Foundation
import ImageCodecs
import TestSupport

/// Hostile images, and ranks that fall for them.
///
/// The ranks are the released program. A library that the loader puts before the C library (`Tests/Poison`) does to them, when
/// they open a marked file, what an image that hits a fault of the decoder would do.
struct Poison: Sendable {
    enum Effect: String, CaseIterable, Sendable {
        case crash, hang, exhaust
    }

    /// To be given to workers as `--rank-program`.
    let rankProgram: String
    private let antidote: String

    /// - Parameters:
    ///   - directory: an existing directory for the program and the antidote.
    ///   - interval: one in that many files of raw rows is changed before it is computed; `nil` for none.
    init(in directory: String, miscomputingEvery interval: Int? = nil) throws {
        let miscomputation = interval.map { "TEST_POISON_MISCOMPUTE=\($0)" } ?? ""
        antidote = "\(directory)/antidote"
        rankProgram = "\(directory)/poisonable-rank"
        // The launcher, which becomes mpirun, opens no images.
        let text = """
            #!/bin/sh
            if [ "$1" != --launch ]; then
                export LD_PRELOAD='\(Self.besideTheTests("libtest-poison.so"))' TEST_POISON_ANTIDOTE='\(antidote)' \(miscomputation)
            fi
            exec '\(Self.besideTheTests("tessera-rank"))' "$@"
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: rankProgram))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: rankProgram)
    }

    /// From now on the marks have no effect.
    func cure() throws { try Data().write(to: URL(fileURLWithPath: antidote)) }

    /// The image's file with a comment that is a mark.
    static func mark(_ png: [UInt8], _ effect: Effect) -> [UInt8] {
        // The signature has 8 bytes, IHDR 25.
        let comment = Array("Comment\0tessera-poison:\(effect.rawValue)".utf8)
        let body = Array("tEXt".utf8) + comment
        return png[..<33] + bigEndian(UInt32(comment.count)) + body + bigEndian(CRC32.checksum(body)) + png[33...]
    }

    private static func besideTheTests(_ name: String) -> String {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name).path
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
}
