import Testing

@testable import Kernels
@testable import Pipelines

@Suite struct RidgeMapTests {
    /// A field without gaps has more pixels waiting for their neighbours to be looked at than there is room for at first.
    @Test func `a strong pixel reaches its whole field, and nothing beyond a gap`() {
        let (width, height, gap) = (150, 90, 120)
        let shape = ImageShape(width: width, height: height, format: PixelFormat(.gray, .eight))
        let rows = RowBuffer(shape: shape, rows: 0..<height)
        for y in 0..<height {
            for x in 0..<width { rows.mutableView.row(y, as: UInt8.self)[x] = x == gap ? Ridge.none : Ridge.weak }
        }
        rows.mutableView.row(7, as: UInt8.self)[3] = Ridge.strong
        var map = withExtendedLifetime(rows) { RidgeMap(rows.view) }
        defer { map.deallocate() }
        map.spread(fromTop: [], bottom: [])
        let drawn = UnsafeMutablePointer<UInt8>.allocate(capacity: width)
        defer { drawn.deallocate() }
        for y in 0..<height {
            map.draw(y, to: drawn)
            #expect((0..<width).allSatisfy { drawn[$0] == ($0 < gap ? 255 : 0) }, "row \(y)")
        }
    }
}
