import GatewayLogic
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// Makes the picture that an address of IIIF names, by the same kernels as the cluster's: a part of the image, scaled, turned, in
/// some quality and format.
///
///     rows of the source --> crop | resize --> flip | rotate | quality | depth --> file
///
/// The first part takes a few rows at a time; the second has the picture, whose size `IIIFLimits` bounds.
struct PictureMaker {
    /// Bytes of the source's rows that are held at a time.
    private static let sourceByteCount = 16 << 20
    /// Bytes of the source's rows that one row of a picture may take.
    private static let rowByteCount = 256 << 20
    private static let jpeg = "jpeg quality=85"

    let stop: PreviewStop

    /// - Parameter region: on the source, which may be a level of the image.
    func file(_ picture: IIIFPicture, _ region: IIIFRectangle, of source: any RowSource) throws -> [UInt8] {
        let scaled = try scaled(picture.size, region, of: source)
        let pipeline = try PipelineCache.shared.pipeline(Self.finish(picture, scaled.shape.format))
        let plan = try RowsPlan(pipeline, of: scaled.shape)
        let rows = try RowsExecutor(plan, check: stop.check).run(on: scaled).rows
        return try withExtendedLifetime(rows) { try ImageFile.encode(rows.view, to: try Self.encoding(picture.format)) }
    }

    private func scaled(_ size: IIIFExtent, _ region: IIIFRectangle, of source: any RowSource) throws -> RowBuffer {
        let columns = region.x..<region.x + region.extent.width
        let shape = source.shape.narrowed(to: columns)
        var steps: [String] = []
        if region.extent.height < shape.height {
            steps.append("crop x=0 y=\(region.y) width=\(shape.width) height=\(region.extent.height)")
        }
        if size != region.extent { steps.append("resize width=\(size.width) height=\(size.height)") }
        let pipeline = try PipelineCache.shared.pipeline(steps.joined(separator: " | "))
        let result = RowBuffer(
            shape: ImageShape(width: size.width, height: size.height, format: shape.format), rows: 0..<size.height)
        let rowsPerRow = (region.extent.height + size.height - 1) / size.height
        guard rowsPerRow * shape.bytesPerRow <= Self.rowByteCount else {
            throw Problem(
                413, "over-limit",
                "each row of a picture of \(size.width) x \(size.height) pixels is made of \(rowsPerRow) rows of the image, "
                    + "which have more than \(Self.rowByteCount >> 20) MiB; ask for a lower region, or for a picture with its proportions"
            )
        }
        let rowsAtATime = max(1, Self.sourceByteCount / (shape.bytesPerRow * rowsPerRow))
        try source.withRows(of: columns) { read in
            for start in stride(from: 0, to: size.height, by: rowsAtATime) {
                try stop.check()
                let wanted = start..<min(start + rowsAtATime, size.height)
                let plan = try RowsPlan(pipeline, of: shape, rows: wanted)
                let rows = try RowsExecutor(plan, check: stop.check).run(on: try read(plan.inputRows)).rows
                withExtendedLifetime((rows, result)) {
                    result.mutableView.slice(wanted).bytes.copyMemory(from: rows.view.bytes)
                }
            }
        }
        return result
    }

    /// What is done to the scaled picture.
    private static func finish(_ picture: IIIFPicture, _ format: PixelFormat) -> String {
        var steps: [String] = []
        if picture.rotation.isMirrored { steps.append("flip axis=horizontal") }
        if picture.rotation.quarters > 0 { steps.append("rotate degrees=\(picture.rotation.quarters * 90)") }
        if picture.format == .jpg {
            if format.layout.hasAlpha { steps.append("flatten") }
            if format.depth == .sixteen { steps.append("depth bits=8") }
        }
        switch picture.quality {
        case .default, .color: break
        case .gray: steps.append("grayscale")
        case .bitonal: steps.append("threshold")
        }
        return steps.joined(separator: " | ")
    }

    private static func encoding(_ format: IIIFFormat) throws -> any ImageEncoding {
        let found =
            switch format {
            case .png: ImageFormats.encoding(named: "png")
            case .jpg: try OutputEncoding(request: jpeg, ofInput: PNGFormat()).format as? any ImageEncoding
            }
        guard let found else { throw CodecError.unsupported("This program cannot write \(format.rawValue) files.") }
        return found
    }
}
