import Pipelines

extension FourNeighborLaplacian: FourNeighborFunction, RowKernelProviding {
    @inline(__always)
    func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbors: Sum) -> Sum {
        let value = neighbors &- 4 &* pixel
        return max(value, 0 &- value)
    }
}
