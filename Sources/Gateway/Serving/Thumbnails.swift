import ClientKit
import GatewayLogic
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// Small JPEG pictures of images: made two at a time, the latest ones kept in memory.
actor Thumbnails {
    private static let concurrentCount = 2
    /// Files and images with more are not made small here.
    private static let maximumFileByteCount: UInt64 = 512 << 20
    private static let maximumPixelCount: UInt64 = 200_000_000
    private static let cachedByteCount = 32 << 20

    private let kept = RecentValues<String, [UInt8]>(limit: cachedByteCount) { $0.count }
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    static func check(byteCount: UInt64) throws(Problem) {
        guard byteCount <= maximumFileByteCount else {
            throw Problem(
                413, "over-limit",
                "the file has \(byteCount) bytes; thumbnails are made of files of at most \(maximumFileByteCount)")
        }
    }

    /// The picture whose longer side has `side` pixels, or as many as the image has.
    func picture(
        _ key: String, side: Int, _ load: @Sendable () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        if let picture = kept[key] { return picture }
        await enter()
        defer { leave() }
        if let picture = kept[key] { return picture }
        let file = try await load()
        let picture = try await offCooperativePool {
            do {
                return try Thumbnail.jpeg(of: file, side: side, maximumPixelCount: Self.maximumPixelCount)
            } catch let error as CodecError {
                throw Problem(error)
            }
        }
        kept.keep(picture, as: key)
        return picture
    }

    private func enter() async {
        if running < Self.concurrentCount {
            running += 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }
}

/// Makes a picture small: each pixel is the mean of the pixels that it covers, of one row after the other.
enum Thumbnail {
    /// - Throws: `CodecError`.
    static func jpeg(of file: [UInt8], side: Int, maximumPixelCount: UInt64) throws -> [UInt8] {
        let limits = DecodingLimits(maximumPixelCount: maximumPixelCount)
        let small = try file.withUnsafeBytes { bytes in
            try reduced(try ImageFile.decoder(of: bytes, limits: limits), side: side)
        }
        guard
            let jpeg = try OutputEncoding(request: "jpeg quality=82", ofInput: PNGFormat()).format as? any ImageEncoding
        else {
            throw CodecError.unsupported("This program cannot write JPEG files.")
        }
        return try small.pixels.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
            return try ImageFile.encode(
                RowsView(shape: small.shape, rows: 0..<small.shape.height, base: base), to: jpeg)
        }
    }

    private static func reduced(_ decoder: any ImageDecoder, side: Int) throws(CodecError) -> (
        shape: ImageShape, pixels: [UInt8]
    ) {
        let shape = decoder.header.shape
        let longer = max(shape.width, shape.height)
        let scaled = { (length: Int) in max(1, min(length, (length * side + longer / 2) / longer)) }
        let (width, height) = longer <= side ? (shape.width, shape.height) : (scaled(shape.width), scaled(shape.height))
        let channels = shape.format.layout.isColor ? 3 : 1
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * channels)
        let row = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.bytesPerRow, alignment: 16)
        defer { row.deallocate() }
        guard let base = row.baseAddress else { preconditionFailure("a row has at least one byte") }
        var sums = ColumnSums(of: shape, width: width, channelCount: channels)
        var line = 0
        for y in 0..<shape.height {
            try decoder.readRows(into: base, count: 1)
            sums.add(UnsafeRawBufferPointer(row))
            let next = (y + 1) * height / shape.height
            guard next > line else { continue }
            sums.takeMeans(&pixels)
            line = next
        }
        let layout: ChannelLayout = channels == 3 ? .rgb : .gray
        let small = ImageShape(width: width, height: height, format: PixelFormat(layout, .eight))
        return Orientation.upright(small, pixels, as: decoder.header.orientation)
    }
}

/// The sums of the pixels that each pixel of a line of a small picture covers.
private struct ColumnSums {
    private let shape: ImageShape
    private let channelCount: Int
    /// For each pixel of a row, where the sum of its first channel is.
    private let places: [Int]
    /// For each pixel of the line, how many of a row it covers.
    private let counts: [UInt32]
    private var sums: [UInt32]
    private var rowCount: UInt32 = 0

    init(of shape: ImageShape, width: Int, channelCount: Int) {
        self.shape = shape
        self.channelCount = channelCount
        let columns = (0..<shape.width).map { $0 * width / shape.width }
        places = columns.map { $0 * channelCount }
        counts = columns.reduce(into: [UInt32](repeating: 0, count: width)) { $0[$1] += 1 }
        sums = [UInt32](repeating: 0, count: width * channelCount)
    }

    mutating func add(_ row: UnsafeRawBufferPointer) {
        rowCount += 1
        let (format, stored, channelCount, width) = (shape.format, shape.format.channelCount, channelCount, shape.width)
        sums.withUnsafeMutableBufferPointer { sums in
            places.withUnsafeBufferPointer { places in
                if format.depth == .eight, !format.layout.hasAlpha {
                    for x in 0..<width {
                        for channel in 0..<channelCount {
                            sums[places[x] + channel] &+= UInt32(row[x * stored + channel])
                        }
                    }
                    return
                }
                func sample(_ index: Int) -> UInt32 {
                    format.depth == .sixteen
                        ? UInt32(row.load(fromByteOffset: index * 2, as: UInt16.self) >> 8) : UInt32(row[index])
                }
                for x in 0..<width {
                    // Transparent pixels are shown on gray.
                    let alpha = format.layout.hasAlpha ? sample(x * stored + stored - 1) : 255
                    for channel in 0..<channelCount {
                        let value = (sample(x * stored + channel) * alpha + 128 * (255 - alpha)) / 255
                        sums[places[x] + channel] &+= value
                    }
                }
            }
        }
    }

    /// Appends a line of means, and starts over.
    mutating func takeMeans(_ pixels: inout [UInt8]) {
        for index in sums.indices {
            pixels.append(UInt8(sums[index] / (counts[index / channelCount] * rowCount)))
            sums[index] = 0
        }
        rowCount = 0
    }
}

/// How a stored picture is turned to be seen as it was taken (EXIF's Orientation, 1 to 8).
enum Orientation {
    static func upright(_ shape: ImageShape, _ pixels: [UInt8], as orientation: UInt8) -> (
        shape: ImageShape, pixels: [UInt8]
    ) {
        guard (2...8).contains(orientation) else { return (shape, pixels) }
        let (width, height, size) = (shape.width, shape.height, shape.format.bytesPerPixel)
        let isTurned = orientation >= 5
        let (newWidth, newHeight) = isTurned ? (height, width) : (width, height)
        var turned = [UInt8](repeating: 0, count: pixels.count)
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                let (sourceX, sourceY) =
                    switch orientation {
                    case 2: (width - 1 - x, y)
                    case 3: (width - 1 - x, height - 1 - y)
                    case 4: (x, height - 1 - y)
                    case 5: (y, x)
                    case 6: (y, height - 1 - x)
                    case 7: (width - 1 - y, height - 1 - x)
                    default: (width - 1 - y, x)
                    }
                let (to, from) = ((y * newWidth + x) * size, (sourceY * width + sourceX) * size)
                for byte in 0..<size { turned[to + byte] = pixels[from + byte] }
            }
        }
        return (ImageShape(width: newWidth, height: newHeight, format: shape.format), turned)
    }
}
