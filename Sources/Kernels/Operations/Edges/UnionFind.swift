/// Sets of numbers that are joined step by step; each set knows whether it is marked.
struct UnionFind {
    /// For each number another one of its set, nearer to the one that stands for it; that one has the set's mark instead.
    private var parents: [Int32] = []

    private static let unmarkedRoot: Int32 = -1
    private static let markedRoot: Int32 = -2

    var count: Int { parents.count }

    /// Adds the next number, counted from 0, as a set of its own.
    mutating func append(isMarked: Bool) -> Int32 {
        parents.append(isMarked ? Self.markedRoot : Self.unmarkedRoot)
        return Int32(parents.count - 1)
    }

    /// The number that stands for the set of `number`.
    mutating func find(_ number: Int32) -> Int32 {
        var number = number
        while true {
            let parent = parents[Int(number)]
            if parent < 0 { return number }
            let grandparent = parents[Int(parent)]
            if grandparent < 0 { return parent }
            parents[Int(number)] = grandparent
            number = grandparent
        }
    }

    /// Joins two sets; the result is marked if either is. The smaller number stands for both.
    mutating func join(_ left: Int32, _ right: Int32) {
        let (left, right) = (find(left), find(right))
        guard left != right else { return }
        let (root, other) = (min(left, right), max(left, right))
        // The marked root is the smaller of the two codes.
        parents[Int(root)] = min(parents[Int(root)], parents[Int(other)])
        parents[Int(other)] = root
    }

    mutating func mark(_ number: Int32) { parents[Int(find(number))] = Self.markedRoot }

    mutating func isMarked(_ number: Int32) -> Bool { parents[Int(find(number))] == Self.markedRoot }
}
