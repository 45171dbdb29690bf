import ImageFormats

/// The parts of a file that were fetched, one after the other in memory.
package struct FetchedRanges {
    private let ranges: [Range<UInt64>]
    /// Where each range begins in memory.
    private let starts: [Int]
    private let memory: UnsafeRawBufferPointer

    /// - Parameter memory: all bytes of the ranges; it outlives this value.
    package init(_ ranges: [Range<UInt64>], in memory: UnsafeRawBufferPointer) {
        self.ranges = ranges
        self.memory = memory
        var start = 0
        starts = ranges.map { range in
            defer { start += range.count }
            return start
        }
        precondition(start == memory.count, "ranges of \(start) bytes in \(memory.count)")
    }

    /// - Throws: `CodecError` (corrupt) for bytes that were not fetched.
    package func bytes(_ range: Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer {
        var (first, last) = (0, ranges.count)
        while first < last {
            let middle = (first + last) / 2
            if ranges[middle].upperBound < range.upperBound { first = middle + 1 } else { last = middle }
        }
        guard first < ranges.count, ranges[first].lowerBound <= range.lowerBound else {
            throw .corrupt("Bytes \(range.lowerBound) to \(range.upperBound) of the file were not fetched.")
        }
        let start = starts[first] + Int(range.lowerBound - ranges[first].lowerBound)
        return UnsafeRawBufferPointer(rebasing: memory[start..<start + range.count])
    }
}
