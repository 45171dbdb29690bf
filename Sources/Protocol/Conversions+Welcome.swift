import FoundationEssentials
import JobModel

extension WireWelcome {
    /// - Parameter generation: of the master's state; `nil` leaves both fields empty.
    public init(_ generation: Generation?) {
        self.init()
        guard let generation else { return }
        self.generation = generation.number
        lineage = Data(generation.lineage.bytes)
    }

    /// - Returns: the generation of the master's state; `nil` from a master that does not say.
    public func validated() throws(ProtocolViolation) -> Generation? {
        if lineage.isEmpty { return nil }
        guard let lineage = Lineage(lineage) else {
            throw ProtocolViolation(
                field: "Welcome.lineage", value: "\(lineage.count) bytes", allowed: "0 or \(Lineage.byteCount) bytes")
        }
        return Generation(of: lineage, number: generation)
    }
}
