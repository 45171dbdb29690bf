import JobModel
import SeededRandom

/// How a worker's cores compute.
enum Miscomputation: Hashable, Sendable {
    case never
    /// Every result is wrong, each time in the same way.
    case always
    /// One result in that many is wrong, each in its own way.
    case rarely(onceIn: Int)
    /// One result in that many is wrong, in tasks of one kind only.
    case only(Kind, onceIn: Int)

    enum Kind: Int, Hashable, Sendable, CaseIterable {
        case whole, decode, chunk, reduce

        init(_ step: TaskStep) {
            switch step {
            case .whole: self = .whole
            case .decode: self = .decode
            case .chunk: self = .chunk
            case .reduce: self = .reduce
            }
        }
    }

    /// The way in which a task of a faulty worker is drawn to be wrong.
    init(drawnUsing random: inout SeededGenerator) {
        switch random.draw(0...2) {
        case 0: self = .always
        case 1: self = .rarely(onceIn: [2, 10, 50][random.draw(0...2)])
        default:
            self = .only(Kind.allCases[random.draw(0...(Kind.allCases.count - 1))], onceIn: [1, 5][random.draw(0...1)])
        }
    }

    /// - Returns: whether the result of a task is wrong.
    func strikes(_ step: TaskStep, using random: inout SeededGenerator) -> Bool {
        switch self {
        case .never: false
        case .always: true
        case .rarely(let times): random.happens(onceIn: times)
        case .only(let kind, let times): kind == Kind(step) && random.happens(onceIn: times)
        }
    }
}

/// What the simulation knows of wrong results, and nobody else.
struct WrongResults {
    /// A run of a worker: its number, and how often it was started before.
    struct Run: Hashable, Comparable, Sendable {
        let worker: Int
        let run: Int

        static func < (left: Run, right: Run) -> Bool { (left.worker, left.run) < (right.worker, right.run) }
    }

    /// Every blob that is not what an undisturbed run has, with those who computed wrongly on the way to it.
    private(set) var authors: [BlobDigest: Set<Run>] = [:]

    mutating func note(_ blob: BlobReference, _ runs: Set<Run>) { authors[blob.digest, default: []].formUnion(runs) }

    func contains(_ digest: BlobDigest) -> Bool { authors[digest] != nil }

    /// What makes results that are computed of `inputs` differ from the right ones: the same for everybody.
    func mark(of inputs: [BlobDigest]) -> (name: String, authors: Set<Run>)? {
        let wrong = inputs.filter { authors[$0] != nil }
        guard !wrong.isEmpty else { return nil }
        let name = wrong.map { $0.description.prefix(8) }.joined(separator: "+")
        return (name, wrong.reduce(into: []) { $0.formUnion(authors[$1] ?? []) })
    }
}
