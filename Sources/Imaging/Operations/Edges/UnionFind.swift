/// Sets of numbers that are joined step by step; each set knows whether it is marked.
struct UnionFind {
    private var parents: [Int32]
    private var marks: [Bool]

    /// - Parameter count: the numbers `0..<count`, each a set of its own.
    init(count: Int = 0) {
        parents = (0..<count).map { Int32($0) }
        marks = Array(repeating: false, count: count)
    }

    var count: Int { parents.count }

    mutating func reserveCapacity(_ capacity: Int) {
        parents.reserveCapacity(capacity)
        marks.reserveCapacity(capacity)
    }

    /// Adds the next number as a set of its own.
    mutating func append(isMarked: Bool) -> Int32 {
        parents.append(Int32(parents.count))
        marks.append(isMarked)
        return Int32(parents.count - 1)
    }

    /// The number that stands for the set of `number`.
    mutating func find(_ number: Int32) -> Int32 {
        var number = number
        while parents[Int(number)] != number {
            parents[Int(number)] = parents[Int(parents[Int(number)])]
            number = parents[Int(number)]
        }
        return number
    }

    /// Joins two sets; the result is marked if either is. The smaller number stands for both.
    mutating func join(_ left: Int32, _ right: Int32) {
        let (left, right) = (find(left), find(right))
        guard left != right else { return }
        let (root, other) = (min(left, right), max(left, right))
        parents[Int(other)] = root
        marks[Int(root)] = marks[Int(root)] || marks[Int(other)]
    }

    mutating func mark(_ number: Int32) { marks[Int(find(number))] = true }

    mutating func isMarked(_ number: Int32) -> Bool { marks[Int(find(number))] }
}
