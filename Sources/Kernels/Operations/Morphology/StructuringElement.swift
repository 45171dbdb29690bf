import Pipelines

/// The window of a morphological operation: for each of its rows, how far it reaches to the left and right.
///
///     rect 5     cross 5    ellipse 5
///     # # # # #  . . # . .  . . # . .
///     # # # # #  . . # . .  # # # # #
///     # # # # #  # # # # #  # # # # #
///     # # # # #  . . # . .  # # # # #
///     # # # # #  . . # . .  . . # . .
struct StructuringElement: Hashable, Sendable {
    /// One a row, from the top; an odd number of them. The window is symmetric about its centre.
    let reaches: [Int]

    var radius: Int { reaches.count / 2 }
    /// Whether all rows reach equally far, so that rows and columns can be treated one after the other.
    var isRectangle: Bool { reaches.allSatisfy { $0 == reaches[0] } }

    /// OpenCV's `getStructuringElement` of that shape and size, anchored in the centre.
    init(_ shape: WindowExtremum.Shape, size: Int) {
        let radius = size / 2
        reaches = (-radius...radius).map { row in
            switch shape {
            case .rect: return radius
            case .cross: return row == 0 ? radius : 0
            case .ellipse:
                guard radius > 0 else { return 0 }
                let share = 1 / Double(radius * radius)
                let reach = Double(radius) * (Double(radius * radius - row * row) * share).squareRoot()
                return Int(reach.rounded(.toNearestOrEven))
            }
        }
    }
}
