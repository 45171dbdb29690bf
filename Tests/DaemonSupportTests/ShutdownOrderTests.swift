import Glibc
import Synchronization
import Testing

@testable import DaemonSupport

@Suite struct ShutdownOrderTests {
    @Test func `everybody who waits learns of the order, and so does a task that asks later`() async throws {
        let order = ShutdownOrder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { try await order.wait() } }
            await Task.yield()
            order.give()
            try await group.waitForAll()
        }
        try await order.wait()
        order.give()
        try await order.wait()
    }

    @Test func `a cancelled task waits no longer`() async {
        let order = ShutdownOrder()
        let waiting = Task { try await order.wait() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func `a signal is an order, and a second one changes nothing`() async throws {
        // To the process, as systemd and terminals send it; this thread may be one that blocks it.
        let firsts = Mutex(0)
        ShutdownOrder.current.give(at: [SIGUSR1]) { firsts.withLock { $0 += 1 } }
        kill(getpid(), SIGUSR1)
        try await gracefulShutdown()
        #expect(firsts.withLock { $0 } == 1, "before anybody learned of the order")
        kill(getpid(), SIGUSR1)
        try await gracefulShutdown()
        #expect(firsts.withLock { $0 } == 1)
    }
}
