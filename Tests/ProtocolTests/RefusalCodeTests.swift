import Protocol
import Testing

@Suite struct RefusalCodeTests {
    @Test func `every code survives the wire, and no two are the same`() {
        #expect(Set(RefusalCode.known.map(\.rawValue)).count == RefusalCode.known.count)
        for code in RefusalCode.known { #expect(RefusalCode(rawValue: code.rawValue) == code) }
    }

    @Test func `a code of another release is kept as it was sent`() {
        let refusal = WireRefusal.with { $0.code = "no-such-code" }
        #expect(refusal.refusalCode == .other("no-such-code"))
        #expect("\(refusal.refusalCode)" == "no-such-code")
    }

    @Test func `both codes of a full disk mean the same`() {
        #expect(RefusalCode(rawValue: "blob-no-space") == .noSpace)
        #expect(RefusalCode.noSpace.rawValue == "no-space")
    }

    @Test(arguments: [nil, Duration.milliseconds(1500), .nanoseconds(10), .seconds(90)])
    func `a retry time is rounded to milliseconds, and is never zero`(retryAfter: Duration?) {
        let expected = retryAfter.map { max($0, .milliseconds(1)) }
        #expect(WireRefusal(.overloaded, "wait", retryAfter: retryAfter).retryAfter == expected)
    }
}
