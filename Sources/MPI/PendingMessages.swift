import CMPI

/// Messages on their way: sends and receives that proceed while the caller computes.
///
/// The memory of every message must stay valid, and that of receives untouched, until `wait()` returns. A message longer than
/// one MPI call can carry is sent in pieces; MPI keeps the order of pieces between two ranks under one tag.
public struct PendingMessages: ~Copyable {
    private let communicator: Communicator
    private var requests: [tsr_mpi_request] = []

    public init(_ communicator: Communicator) { self.communicator = communicator }

    deinit {
        precondition(requests.isEmpty, "\(requests.count) pending messages were dropped without waiting")
    }

    /// Starts to send `bytes`. The receiver must ask for exactly that many, under the same `tag`.
    public mutating func send(_ bytes: UnsafeRawBufferPointer, to peer: Int, tag: Int) {
        for piece in pieces(bytes.count) {
            var request = tsr_mpi_request()
            let code = tsr_mpi_isend(
                bytes.baseAddress.map { $0 + piece.lowerBound }, Int32(piece.count), Int32(peer), Int32(tag), &request)
            Communicator.check(code, "MPI_Isend of \(piece.count) bytes to rank \(peer)")
            requests.append(request)
        }
    }

    /// Starts to receive into all of `bytes`.
    public mutating func receive(_ bytes: UnsafeMutableRawBufferPointer, from peer: Int, tag: Int) {
        for piece in pieces(bytes.count) {
            var request = tsr_mpi_request()
            let code = tsr_mpi_irecv(
                bytes.baseAddress.map { $0 + piece.lowerBound }, Int32(piece.count), Int32(peer), Int32(tag), &request)
            Communicator.check(code, "MPI_Irecv of \(piece.count) bytes from rank \(peer)")
            requests.append(request)
        }
    }

    /// Returns when every message has been sent and received.
    public mutating func wait() {
        guard !requests.isEmpty else { return }
        Communicator.check(tsr_mpi_wait_all(&requests, Int32(requests.count)), "MPI_Waitall")
        requests.removeAll()
    }

    private func pieces(_ byteCount: Int) -> [Range<Int>] {
        stride(from: 0, to: byteCount, by: communicator.maximumPieceByteCount).map {
            $0..<min($0 + communicator.maximumPieceByteCount, byteCount)
        }
    }
}
