import Metrics

extension FuzzTarget {
    /// What anybody sends to the listener for metrics. The pieces in which it arrives make no difference, and a request that is
    /// taken is within its limits.
    static let scrape = FuzzTarget("scrape", maximumByteCount: 2 * ScrapeRequest.maximumByteCount) { bytes in
        var input = InputBytes(bytes)
        let seed = input.byte()
        let stream = Array(input.rest)
        let whole = outcome([stream[...]])
        let pieces = outcome(cut(stream, seed: seed))
        try FuzzFinding.unless(whole == pieces, "in one piece \(whole), in several \(pieces)")
        guard case .success(let request?) = whole else { return }
        try FuzzFinding.unless(request.path.utf8.first == UInt8(ascii: "/"), "the path is '\(request.path)'")
        try FuzzFinding.unless(
            request.path.utf8.count < ScrapeRequest.maximumByteCount && !request.path.contains("?"),
            "the path has \(request.path.utf8.count) bytes")
    }

    private static func outcome(_ pieces: [ArraySlice<UInt8>]) -> Result<ScrapeRequest?, ScrapeRequest.Refusal> {
        var reader = ScrapeRequest.Reader()
        do throws(ScrapeRequest.Refusal) {
            for piece in pieces {
                if let request = try reader.received(piece) { return .success(request) }
            }
            return .success(nil)
        } catch {
            return .failure(error)
        }
    }
}
