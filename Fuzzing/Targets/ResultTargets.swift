import ImageFormats
import JobModel
import Pipelines

extension FuzzTarget {
    /// What a worker reports as a result, as the master reads it: a file, segments, metadata or a document, with its checksums as
    /// they are or put right.
    static let results = FuzzTarget("results") { bytes in
        var input = InputBytes(bytes)
        let kind = input.byte()
        let rest = Array(input.rest)
        let file = kind & 1 == 0 ? rest : PNGForge.withRightChecksums(rest)
        let format = ImageFormats.standardOutput
        let shape = ImageShape(width: 5, height: 4, format: PixelFormat(.gray, .eight))
        let checksum = SegmentChecksum([1, 2, 3, 4, 24])
        do {
            switch kind >> 1 & 3 {
            case 0: try format.check(fileOf: shape, byteCount: UInt64(file.count), read: read(file))
            case 1:
                try format.check(
                    segmentsOf: 4, in: shape, checksum: checksum, byteCount: UInt64(file.count), read: read(file))
            case 2: try format.check(metadata: file)
            default: try DocumentFormat.check(byteCount: UInt64(rest.count), read: read(rest))
            }
        } catch is CodecError {
            // Refused.
            return
        }
        // What is taken as metadata makes a frame.
        if kind >> 1 & 3 == 2 {
            _ = try format.frame(of: shape, metadata: file, checksum: checksum, segments: SegmentBytes([]))
        }
    }

    private static func read(_ file: [UInt8]) -> (UInt64, Int) throws -> [UInt8] {
        { offset, count in
            try FuzzFinding.unless(
                count >= 0 && offset <= file.count && UInt64(count) <= UInt64(file.count) - offset,
                "the check reads \(count) bytes at \(offset) of \(file.count)")
            return Array(file[Int(offset)..<Int(offset) + count])
        }
    }
}
