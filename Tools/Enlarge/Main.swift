import Glibc
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// enlarge WIDTHxHEIGHT IN.png OUT.png: makes a large photograph out of a small one, for the demo, tests and benchmarks.
@main
enum EnlargeMain {
    static func main() {
        do {
            let arguments = CommandLine.arguments
            let size = arguments.count == 4 ? arguments[1].split(separator: "x").compactMap { Int($0) } : []
            guard size.count == 2, size.allSatisfy({ (1...200_000).contains($0) }) else {
                throw EnlargeError("usage: enlarge WIDTHxHEIGHT IN.png OUT.png, with sides from 1 to 200000")
            }
            try enlarge(arguments[2], to: arguments[3], width: size[0], height: size[1])
        } catch {
            fail("\(error)")
        }
    }

    private static func enlarge(_ input: String, to output: String, width: Int, height: Int) throws {
        let (shape, pixels) = try PNGFile.decode(try readFile(input))
        guard shape.format.depth == .eight else {
            throw EnlargeError("\(input) has 16 bits per sample; only 8 are enlarged")
        }
        var enlarger = Enlarger(pixels, shape: shape, width: width, height: height)
        guard let file = fopen(output, "wb") else { throw EnlargeError("cannot write \(output): \(systemReason)") }
        defer { fclose(file) }
        func write(_ bytes: UnsafeRawBufferPointer) throws {
            guard fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count else {
                throw EnlargeError("cannot write \(output): \(systemReason)")
            }
        }
        try PNGAssembly.prefix(output: enlarger.shape, metadata: []).withUnsafeBytes(write)
        let encoder = PNGSegmentEncoder(shape: enlarger.shape)
        var checksum = FilteredChecksum()
        let segments = SegmentGrid.standard.segments(of: enlarger.shape)
        for index in 0..<segments.count {
            let rows = RowBuffer(shape: enlarger.shape, rows: segments[index])
            for y in rows.rows { enlarger.row(y, into: rows.mutableView.row(y)) }
            checksum.append(try encoder.encode(rows.view, emit: write))
        }
        try PNGAssembly.suffix(adler32: checksum.adler32).withUnsafeBytes(write)
        guard fflush(file) == 0 else { throw EnlargeError("cannot write \(output): \(systemReason)") }
    }

    private static func readFile(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw EnlargeError("cannot read \(path): \(systemReason)") }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let count = ftell(file)
        rewind(file)
        return [UInt8](unsafeUninitializedCapacity: count) { $1 = fread($0.baseAddress, 1, count, file) }
    }

    private static func fail(_ reason: String) -> Never {
        let line = Array("enlarge: \(reason)\n".utf8)
        _ = Glibc.write(STDERR_FILENO, line, line.count)
        exit(1)
    }

    private static var systemReason: String { String(cString: strerror(errno)) }
}

struct EnlargeError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
