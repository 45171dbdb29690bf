import GatewayLogic
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// An image with reduced levels, each half of the one before: those that its file has, or one that is made on the first look from
/// afar and kept.
struct LeveledImage: Sendable {
    let image: any RowSource
    /// The levels of the file, the first one half of the image.
    let levels: [any RowSource]

    var extent: IIIFExtent { IIIFExtent(width: image.shape.width, height: image.shape.height) }

    /// Images with fewer pixels are reduced from the image each time.
    static let smallestLeveledPixelCount = 8 << 20
    /// What a level that is made may have.
    static let madeLevelByteCount = 64 << 20
    /// Pixels of a level along each side of a pixel of a picture, from which on it does not matter where on them the region begins.
    private static let finePixelCount = 8

    /// The level that is made for looks from afar; `nil` for an image whose file has levels, and for a small one.
    var madeLevel: Int? {
        levels.isEmpty && extent.width * extent.height >= Self.smallestLeveledPixelCount
            ? Self.madeLevel(of: image.shape) : nil
    }

    /// The level that is made where the file has none: an eighth of each side, or less of a very large image.
    static func madeLevel(of shape: ImageShape) -> Int {
        var level = 3
        while shape.byteCount >> (2 * level) > madeLevelByteCount { level += 1 }
        return level
    }

    /// The level from which a picture is best made: the smallest one that has all of its detail, and on whose pixels its region's
    /// edges are, or whose pixels are much finer than those of the picture.
    static func level(for picture: IIIFPicture, of image: IIIFExtent, upTo count: Int) -> Int {
        let (region, size) = (picture.region.extent, picture.size)
        var level = 0
        while level < count {
            let side = 1 << (level + 1)
            let isAligned =
                picture.region.x % side == 0 && picture.region.y % side == 0
                && (region.width % side == 0 || picture.region.x + region.width == image.width)
                && (region.height % side == 0 || picture.region.y + region.height == image.height)
            let hasDetail =
                size.width * side <= region.width + side - 1 && size.height * side <= region.height + side - 1
            let isFine =
                size.width * side * finePixelCount <= region.width
                && size.height * side * finePixelCount <= region.height
            guard isAligned && hasDetail || isFine else { break }
            level += 1
        }
        return level
    }

    /// The region of a picture on a level; less than one of its pixels is added or left out at an edge that is not on them.
    static func region(_ region: IIIFRectangle, onLevel level: Int) -> IIIFRectangle {
        let side = 1 << level
        return IIIFRectangle(
            x: region.x / side, y: region.y / side,
            extent: IIIFExtent(
                width: (region.extent.width + side - 1) / side, height: (region.extent.height + side - 1) / side))
    }

    /// Makes a level of all rows of the image.
    static func reduced(_ source: any RowSource, to level: Int) throws -> DecodedPicture {
        let shape = source.shape
        let last = region(
            IIIFRectangle(x: 0, y: 0, extent: IIIFExtent(width: shape.width, height: shape.height)), onLevel: level
        ).extent
        let result = ImageShape(width: last.width, height: last.height, format: shape.format)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(result.byteCount)
        // A whole number of the level's rows, of about 4 MiB.
        let rowsAtATime = max(1, (4 << 20) / (shape.bytesPerRow << level)) << level
        try source.withRows { read in
            for start in stride(from: 0, to: shape.height, by: rowsAtATime) {
                var rows = try read(start..<min(start + rowsAtATime, shape.height))
                for _ in 0..<level { rows = halved(rows) }
                withExtendedLifetime(rows) { pixels += rows.view.bytes }
            }
        }
        return DecodedPicture(shape: result, orientation: 1, pixels: pixels)
    }

    /// The first row is even.
    static func halved(_ rows: RowBuffer) -> RowBuffer {
        let shape = ImageShape(
            width: (rows.shape.width + 1) / 2, height: (rows.shape.height + 1) / 2, format: rows.shape.format)
        let first = rows.rows.lowerBound / 2
        let half = RowBuffer(shape: shape, rows: first..<first + (rows.rows.count + 1) / 2)
        withExtendedLifetime((rows, half)) { PyramidLevel.halve(rows.view, rows.rows, to: half.mutableView) }
        return half
    }
}
