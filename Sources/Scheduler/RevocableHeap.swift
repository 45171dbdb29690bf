import HeapModule

/// A priority queue whose elements are unique and can be taken out anywhere.
///
/// Removal leaves the element in the heap and only strikes it from the set of members; struck elements are skipped when
/// they surface, and swept out when they outnumber the members. So each operation takes amortised O(log n).
struct RevocableHeap<Element: Comparable & Hashable & Sendable>: Sendable {
    private var heap = Heap<Element>()
    private(set) var members: Set<Element> = []

    /// Reserves capacity for that many elements.
    mutating func reserveCapacity(_ count: Int) {
        heap.reserveCapacity(count)
        members.reserveCapacity(count)
    }

    var count: Int { members.count }
    var isEmpty: Bool { members.isEmpty }

    func contains(_ element: Element) -> Bool { members.contains(element) }

    /// - Returns: whether it was not yet a member.
    @discardableResult
    mutating func insert(_ element: Element) -> Bool {
        guard members.insert(element).inserted else { return false }
        heap.insert(element)
        return true
    }

    /// - Returns: whether it was a member.
    @discardableResult
    mutating func remove(_ element: Element) -> Bool {
        guard members.remove(element) != nil else { return false }
        if heap.count > 2 * members.count + 64 { heap = Heap(members) }
        return true
    }

    /// The least member.
    mutating func first() -> Element? {
        while let least = heap.min {
            if members.contains(least) { return least }
            heap.removeMin()
        }
        return nil
    }

    /// The greatest member.
    mutating func last() -> Element? {
        while let greatest = heap.max {
            if members.contains(greatest) { return greatest }
            heap.removeMax()
        }
        return nil
    }

    mutating func popFirst() -> Element? {
        guard let least = first() else { return nil }
        heap.removeMin()
        members.remove(least)
        return least
    }
}
