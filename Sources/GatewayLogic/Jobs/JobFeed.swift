/// The images of one job on their way from uploads to the master.
///
/// Images are numbered in the order in which their uploads end, so that none waits for a slower one, and a number is final
/// before the master hears of it: after a crash the same images are added at the same places, which does no harm. A pure
/// machine, made again from what is stored whenever something arrives: the shell stores each decision before it acts on it.
///
///     awaited ──► placed(n) ──► added(n)
///         └─────► rejected
package struct JobFeed: Hashable, Sendable {
    /// One image that was promised or named; its `ordinal` is its place in the requests.
    package struct Item: Hashable, Sendable {
        package enum State: Hashable, Sendable {
            case awaited
            /// Has a position in the job.
            case placed(UInt32)
            /// The master has it.
            case added(UInt32)
            case rejected
        }

        package let ordinal: Int
        package var state: State

        package init(ordinal: Int, state: State = .awaited) {
            self.ordinal = ordinal
            self.state = state
        }
    }

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

    private var items: [Int: Item.State]
    /// Ordinals whose bytes are there, in the order in which they arrived, and which have no position yet.
    private var arrived: [Int]
    private var placed: [UInt32: Int] = [:]
    private var nextPosition: UInt32 = 0
    private var addedCount: UInt32 = 0
    private let sealsWhenComplete: Bool
    private var isSealed = false

    /// - Parameter complete: ordinals whose bytes are there, in the order in which they arrived.
    package init(items: [Item], complete: [Int], sealsWhenComplete: Bool) {
        let states = Dictionary(uniqueKeysWithValues: items.map { ($0.ordinal, $0.state) })
        self.items = states
        arrived = complete.filter { states[$0] == .awaited }
        self.sealsWhenComplete = sealsWhenComplete
        for item in items {
            switch item.state {
            case .awaited, .rejected: continue
            case .placed(let position):
                placed[position] = item.ordinal
                nextPosition = max(nextPosition, position + 1)
            case .added(let position):
                addedCount = max(addedCount, position + 1)
                nextPosition = max(nextPosition, position + 1)
            }
        }
    }

    // MARK: Events

    package mutating func placed(_ places: [(ordinal: Int, position: UInt32)]) {
        for (ordinal, position) in places {
            precondition(position == nextPosition, "position \(position) is not the next one, \(nextPosition)")
            items[ordinal] = .placed(position)
            placed[position] = ordinal
            nextPosition += 1
        }
        arrived.removeAll { ordinal in places.contains { $0.ordinal == ordinal } }
    }

    package mutating func added(first: UInt32, ordinals: [Int]) {
        precondition(first == addedCount, "images were added at \(first), but \(addedCount) are there")
        for ordinal in ordinals {
            items[ordinal] = .added(addedCount)
            placed[addedCount] = nil
            addedCount += 1
        }
    }

    package mutating func sealed() { isSealed = true }

    // MARK: What to do

    package var step: Step {
        if isSealed { return .done }
        if placed.isEmpty, !arrived.isEmpty {
            return .place(arrived.prefix(Self.batchCount).enumerated().map { ($1, nextPosition + UInt32($0)) })
        }
        if !placed.isEmpty {
            let ordinals = (addedCount..<nextPosition).prefix(Self.batchCount).map { position in
                guard let ordinal = placed[position] else { preconditionFailure("no image is at position \(position)") }
                return ordinal
            }
            return .add(first: addedCount, ordinals: ordinals)
        }
        let isComplete = !items.values.contains(.awaited)
        guard sealsWhenComplete, isComplete else { return .wait }
        return addedCount > 0 ? .seal(imageCount: addedCount) : .abandon
    }
}
