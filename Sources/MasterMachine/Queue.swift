/// First in, first out. Taking an element out touches only that element, and the memory of those taken out is reclaimed.
public struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    public var count: Int { elements.count - head }
    /// The oldest element; `nil` of an empty queue.
    public var first: Element? { head < elements.count ? elements[head] : nil }

    public init() {}

    public mutating func append(_ element: Element) { elements.append(element) }

    /// Takes the oldest element out. The queue must not be empty.
    public mutating func removeFirst() {
        elements[head] = nil
        head += 1
        // At most half of the array is free, so that each element is moved once on average.
        guard head >= 64, head * 2 >= elements.count else { return }
        elements.removeFirst(head)
        head = 0
    }
}

extension Queue: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: Element...) { self.elements = elements }
    init(_ elements: some Sequence<Element>) { self.elements = elements.map { $0 } }
}
