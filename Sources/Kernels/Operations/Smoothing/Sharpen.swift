import Pipelines

extension Sharpening: FourNeighborFunction, RowKernelProviding {
    @inline(__always)
    func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbors: Sum) -> Sum {
        5 &* pixel &- neighbors
    }
}
