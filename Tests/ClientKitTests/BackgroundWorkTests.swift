import ClientKit
import Dispatch
import Testing

@Suite struct BackgroundWorkTests {
    private struct Refused: Error {}

    @Test func `its value is there for everybody who waits, before its end and after`() async throws {
        let mayEnd = DispatchSemaphore(value: 0)
        let work = BackgroundWork { () -> Int in
            mayEnd.wait()
            return 7
        }
        #expect(!work.hasEnded)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await work.value } }
            group.addTask {
                mayEnd.signal()
                return 7
            }
            for try await value in group { #expect(value == 7) }
        }
        await work.end
        #expect(work.hasEnded)
        #expect(try await work.value == 7)
    }

    @Test func `its error is thrown where its value is asked for, and is an end`() async {
        let work = BackgroundWork<Int> { throw Refused() }
        await work.end
        #expect(work.hasEnded)
        await #expect(throws: Refused.self) { try await work.value }
    }
}
