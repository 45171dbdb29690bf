import Dispatch

/// Holds one frame back in a `FaultProxy` while a test does something to the cluster.
///
/// The proxy's thread blocks in `holdUntilReleased`; the test waits for `isReached`, acts, and calls `release`.
public final class FrameHold: Sendable {
    private let reached = DispatchSemaphore(value: 0)
    private let released = DispatchSemaphore(value: 0)

    public init() {}

    /// Called by the proxy's thread; once.
    public func holdUntilReleased() {
        reached.signal()
        released.wait()
    }

    /// Whether the frame is there, and held.
    public func reached(within limit: Duration) async -> Bool {
        (try? await eventually("the frame is held", within: limit, every: .milliseconds(1)) {
            reached.wait(timeout: .now()) == .success ? () : nil
        }) != nil
    }

    public func release() { released.signal() }
}
