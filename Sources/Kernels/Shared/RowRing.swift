import Pipelines

/// The padded rows of a window that moves down an image: `2 * radius + 1` rows, each loaded once.
///
/// Owns memory: call `deallocate()`.
struct RowRing<Sample: FixedWidthInteger & UnsignedInteger> {
    let radius: Int
    /// Samples in a padded row.
    let stride: Int
    private let input: RowsView
    private let border: RowBorder
    private let memory: UnsafeMutablePointer<Sample>
    /// One past the last row that is loaded; rows outside the image count too.
    private var end: Int
    private var center: Int

    private var count: Int { 2 * radius + 1 }

    /// - Parameter first: the first row that the window is centred on.
    init(_ input: RowsView, radius: Int, border: RowBorder, first: Int) {
        self.input = input
        self.radius = radius
        self.border = border
        stride = (input.shape.width + 2 * radius) * input.shape.format.channelCount
        memory = .allocate(capacity: stride * (2 * radius + 1))
        end = first - radius
        center = first
    }

    func deallocate() { memory.deallocate() }

    /// Centres the window on row `y`: the first row, then one further each time.
    mutating func move(to y: Int) {
        center = y
        while end <= y + radius {
            let source = border.index(end, count: input.shape.height)
            copyPadded(
                input.row(source), width: input.shape.width, channels: input.shape.format.channelCount, radius: radius,
                border: border, to: slot(end))
            end += 1
        }
    }

    /// The row `offset` rows below the centre, from the start of its padding: pixel 0 is `radius` pixels further.
    func padded(_ offset: Int) -> UnsafePointer<Sample> { UnsafePointer(slot(center + offset)) }

    /// The row `offset` rows below the centre, from pixel 0; `radius` pixels to the left are there.
    func row(_ offset: Int) -> UnsafePointer<Sample> {
        padded(offset) + radius * input.shape.format.channelCount
    }

    private func slot(_ y: Int) -> UnsafeMutablePointer<Sample> {
        memory + ((y % count + count) % count) * stride
    }
}
