/// First in, first out. Taking an element out touches only that element, and the memory of those taken out is reclaimed.
struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }
    var first: Element? { head < elements.count ? elements[head] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() {
        elements[head] = nil
        head += 1
        // At most half of the array is free, so that each element is moved once on average.
        guard head >= 64, head * 2 >= elements.count else { return }
        elements.removeFirst(head)
        head = 0
    }
}

extension Queue: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: Element...) { self.elements = elements }
    init(_ elements: some Sequence<Element>) { self.elements = elements.map { $0 } }
}
