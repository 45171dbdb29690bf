import Testing

@testable import Kernels
@testable import Pipelines

@Suite struct TransposedRowsTests {
    @Test(arguments: PixelFormat.all)
    func `slices of the parts, put together, are the transposed image`(_ format: PixelFormat) throws {
        for (width, height) in [(1, 1), (5, 1), (1, 7), (67, 41), (33, 100), (130, 70)] {
            let image = TestImage.drawn(width, height, format, seed: 4)
            let expected = image.referenceMoved(height, width) { ($1, $0) }
            for rowsPerPart in [1, 3, 32, 100] {
                let layout = TransposedRows(of: image.shape, rowsPerPart: rowsPerPart)
                #expect(layout.shape == expected.shape)
                let parts = (0..<layout.parts.count).map { stored(image, layout, $0) }
                for rows in [0..<width, 0..<1, width / 2..<width] {
                    let pieces = parts.enumerated().flatMap { $1[layout.bytes(of: rows, inPart: $0)] }
                    let result = RowBuffer(shape: layout.shape, rows: rows)
                    pieces.withUnsafeBytes { layout.assemble($0, holding: rows, to: result.mutableView) }
                    let bytes = layout.shape.bytesPerRow
                    #expect(result.bytes == Array(expected.bytes[rows.lowerBound * bytes..<rows.upperBound * bytes]))
                }
            }
        }
    }

    /// The bytes of a part, stored by two ranks.
    private func stored(_ image: TestImage, _ layout: TransposedRows, _ index: Int) -> [UInt8] {
        let rows = layout.parts[index]
        let middle = rows.lowerBound + rows.count / 3
        let bytesPerRow = image.shape.bytesPerRow
        var result = [UInt8](repeating: 0xA5, count: layout.byteCount(ofPart: index))
        image.bytes.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for part in [rows.lowerBound..<middle, middle..<rows.upperBound] {
                    let base = source.baseAddress.unsafelyUnwrapped + part.lowerBound * bytesPerRow
                    layout.transpose(RowsView(shape: image.shape, rows: part, base: base), part: index, to: target)
                }
            }
        }
        return result
    }

    @Test func `one row out of several is put together from what holds more`() {
        let image = TestImage.drawn(9, 12, PixelFormat(.rgb, .eight), seed: 2)
        let layout = TransposedRows(of: image.shape, rowsPerPart: 5)
        let parts = (0..<3).map { stored(image, layout, $0) }
        let pieces = parts.enumerated().flatMap { $1[layout.bytes(of: 2..<8, inPart: $0)] }
        let result = RowBuffer(shape: layout.shape, rows: 5..<6)
        pieces.withUnsafeBytes { layout.assemble($0, holding: 2..<8, to: result.mutableView) }
        #expect(result.bytes == (0..<12).flatMap { y in (0..<3).map { UInt8(image[5, y, $0]) } })
    }
}
