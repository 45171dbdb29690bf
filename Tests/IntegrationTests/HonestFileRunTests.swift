import Checksums
import Foundation
import ImageCodecs
import ImageFormats
import JobModel
import TestSupport
import Testing

extension Integration {
    /// What `ImageCodecsTests` shows of the decoder, from the command to the result; docs/formats.md is the promise.
    @Suite struct `Files that other programs read are processed` {
        private static let image = TestImage(width: 61, height: 40, seed: 5)

        private static func number(_ value: UInt32) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }

        private static func chunk(_ name: String, _ data: [UInt8], isDamaged: Bool = false) -> [UInt8] {
            let covered = Array(name.utf8) + data
            return number(UInt32(data.count)) + covered + number(CRC32.checksum(covered) ^ (isDamaged ? 1 : 0))
        }

        private static func text(_ byteCount: Int) -> [UInt8] {
            chunk("tEXt", Array("parameters".utf8) + [0] + [UInt8](repeating: 65, count: byteCount))
        }

        /// The image with chunks behind its header, and in front of its end.
        private static func file(_ early: [UInt8], late: [UInt8] = []) -> [UInt8] {
            let png = image.png
            let start: [UInt8] = Array(png[..<33]) + early
            return start + Array(png[33...].dropLast(12)) + late + Array(png.suffix(12))
        }

        /// What a program would find in a result, by its chunks' names.
        private static func chunks(of file: [UInt8]) -> [(name: String, data: [UInt8])] {
            var (chunks, offset) = ([(name: String, data: [UInt8])](), 8)
            while offset < file.count {
                let length = file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
                chunks.append(
                    (
                        String(decoding: file[offset + 4..<offset + 8], as: UTF8.self),
                        Array(file[offset + 8..<offset + 8 + length])
                    ))
                offset += length + 12
            }
            return chunks
        }

        @Test(arguments: ["16M", "3000"])
        func `with what they carry, and remarks on what is left out`(_ chunkBytes: String) async throws {
            let frame = Self.chunk("fdAT", [UInt8](repeating: 7, count: 1_572_864))
            let damaged = Self.chunk("fdAT", [1, 2, 3], isDamaged: true)
            let many = (0..<1_500).flatMap { Self.chunk("tEXt", Array("k\($0)".utf8) + [0, 65]) }
            let density = Self.chunk("pHYs", Self.number(8031) + Self.number(3858) + [1])
            let inputs: [(name: String, bytes: [UInt8])] = [
                ("text", Self.file(Self.text(1_153_434))), ("many", Self.file(many)),
                ("animation", Self.file(Self.chunk("acTL", [0, 0, 2, 88, 0, 0, 0, 0]), late: frame + damaged)),
                ("fax", Self.file(density)), ("beyond", Self.file(Self.text(3_000_000), late: Self.text(10))),
                ("damaged", Self.file(Self.chunk("gAMA", [0, 0, 0, 9], isDamaged: true))),
            ]
            try await Cluster.with(workers: 1, masterArguments: ["--max-metadata-bytes", "2M"]) { cluster in
                let files = try inputs.map { try cluster.file("\($0.name).png", $0.bytes) }
                let out = cluster.path("out")
                let outcome = try await cluster.start(
                    ["run", "rotate degrees=90"] + files + ["-o", out + "/", "--chunk-bytes", chunkBytes]
                ).outcome()
                #expect(outcome.status == 0, "\(outcome)")
                let expected = try Self.image.processedSerially("rotate degrees=90")
                func metadata(_ name: String) throws -> [(name: String, data: [UInt8])] {
                    let result = try cluster.contents("\(out)/\(name).png")
                    #expect(try PNGFile.decode(result).pixels == PNGFile.decode(expected).pixels, "\(name)")
                    return Self.chunks(of: result).filter { !["IHDR", "IDAT", "IEND"].contains($0.name) }
                }
                #expect(try metadata("text").map(\.data.count) == [1_153_445])
                #expect(try metadata("many").count == 1_500)
                #expect(try metadata("animation").isEmpty)
                #expect(try metadata("fax").map(\.data) == [Self.number(3858) + Self.number(8031) + [1]])
                #expect(try metadata("beyond").map(\.data.count) == [21])
                #expect(try metadata("damaged").isEmpty)

                let notes = outcome.errors.split(separator: "\n").filter { $0.contains("note:") }
                #expect(notes.count == 2, "\(outcome)")
                #expect(
                    notes.first?.contains("/beyond.png (image ") == true
                        && notes.first?.contains("max-metadata-bytes") == true)
                #expect(notes.last?.contains("/damaged.png (image ") == true)
                let job = try #require(try await cluster.withMaster { try await $0.jobs().first?.id })
                let images = try await cluster.withMaster { try await $0.images(job).images }
                #expect(
                    images.map { $0.remarks.map(\.code) } == [
                        [], [], [], [], ["metadata-over-limit"], ["parts-ignored"],
                    ])
            }
        }
    }
}
