import Testing

@testable import WorkerDaemon

@Suite struct RepeatedWarningTests {
    @Test func `a repeated warning is told once in half a minute, another one at once`() {
        var warning = RepeatedWarning()
        #expect(warning.happened("refused", at: .zero) == 0)
        for second in 1..<30 { #expect(warning.happened("refused", at: .seconds(second)) == nil) }
        #expect(warning.happened("refused", at: .seconds(30)) == 29)
        #expect(warning.happened("reset", at: .seconds(31)) == 0)
        #expect(warning.happened("reset", at: .seconds(32)) == nil)
        warning.ended()
        #expect(warning.happened("reset", at: .seconds(33)) == 1)
    }
}
