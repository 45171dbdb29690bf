/// The images of one job on their way from uploads to the master.
///
/// Images are numbered in the order in which their uploads end, so that none waits for a slower one, and a number is final
/// before the master hears of it: after a crash the same images are added at the same places, which does no harm. A pure
/// machine, made again from what is stored whenever something arrives: the shell stores each decision before it acts on it. An image
/// is named by its ordinal, its place in the requests. The machine has the images that something is to be done for now, a batch
/// of each kind, and the count of the others.
///
///     awaited ──► arrived ──► placed(n) ──► added(n)
///         └─────► refused
package struct JobFeed: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        /// Store these numbers, then call `placed`.
        case place([(ordinal: Int, position: UInt32)])
        /// Send the bytes of these images to the master and add them from `first` on, then call `added`.
        case add(first: UInt32, ordinals: [Int])
        /// Declare the job complete with that many images, then call `sealed`.
        case seal(imageCount: UInt32)
        /// Cancel the job: all of its images were refused.
        case abandon
        /// Nothing until an upload ends or somebody asks for the seal.
        case wait
        /// There is nothing left to do.
        case done

        package static func == (left: Step, right: Step) -> Bool {
            switch (left, right) {
            case (.place(let a), .place(let b)): a.elementsEqual(b) { $0 == $1 }
            case (.add(let a, let b), .add(let c, let d)): a == c && b == d
            case (.seal(let a), .seal(let b)): a == b
            case (.abandon, .abandon), (.wait, .wait), (.done, .done): true
            default: false
            }
        }
        package func hash(into hasher: inout Hasher) {}
    }

    /// The most images that are added at once: as many as one message has.
    package static let batchCount = 64

    /// Images that the master has: those at the first positions.
    private var addedCount: UInt32
    /// Ordinals of images with a position that the master does not have yet; the first is at `addedCount`.
    private var placed: [Int]
    /// Ordinals whose bytes are there, in the order in which they arrived, and which have no position yet.
    private var arrived: [Int]
    /// Whether other images are still to come.
    private let awaitsMore: Bool
    private let sealsWhenComplete: Bool
    private var isSealed = false

    package init(addedCount: UInt32, placed: [Int], arrived: [Int], awaitsMore: Bool, sealsWhenComplete: Bool) {
        self.addedCount = addedCount
        self.placed = placed
        self.arrived = arrived
        self.awaitsMore = awaitsMore
        self.sealsWhenComplete = sealsWhenComplete
    }

    private var nextPosition: UInt32 { addedCount + UInt32(placed.count) }

    // MARK: Events

    package mutating func placed(_ places: [(ordinal: Int, position: UInt32)]) {
        for (ordinal, position) in places {
            precondition(position == nextPosition, "position \(position) is not the next one, \(nextPosition)")
            placed.append(ordinal)
        }
        arrived.removeAll { ordinal in places.contains { $0.ordinal == ordinal } }
    }

    package mutating func added(first: UInt32, ordinals: [Int]) {
        precondition(first == addedCount, "images were added at \(first), but \(addedCount) are there")
        precondition(placed.starts(with: ordinals), "\(ordinals) were added, but \(placed) are next")
        placed.removeFirst(ordinals.count)
        addedCount += UInt32(ordinals.count)
    }

    package mutating func sealed() { isSealed = true }

    // MARK: What to do

    package var step: Step {
        if isSealed { return .done }
        if !placed.isEmpty { return .add(first: addedCount, ordinals: Array(placed.prefix(Self.batchCount))) }
        if !arrived.isEmpty {
            return .place(arrived.prefix(Self.batchCount).enumerated().map { ($1, nextPosition + UInt32($0)) })
        }
        guard sealsWhenComplete, !awaitsMore else { return .wait }
        return addedCount > 0 ? .seal(imageCount: addedCount) : .abandon
    }
}
