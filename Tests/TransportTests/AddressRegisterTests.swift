import Testing

@testable import Transport

@Suite struct AddressRegisterTests {
    @Test func `the connections of all addresses together are limited, and one that closes makes room`() {
        var limits = TransportLimits()
        limits.connections = 3
        let register = AddressRegister(limits: limits)
        let open = (1...3).map { register.connectionOpened(from: "192.0.2.\($0)") }
        #expect(open.allSatisfy { $0.verdict == .admitted })
        let refused = register.connectionOpened(from: "192.0.2.4")
        #expect(refused.verdict == .tooManyInAll(count: 3))
        let refusal = register.rejection(of: refused)
        #expect(refusal?.code == .tooManyConnections)
        #expect(refusal?.message.contains("3 connections are open, at most 3 may be") == true)
        register.connectionClosed(refused)
        #expect(register.connectionOpened(from: "192.0.2.4").verdict == .tooManyInAll(count: 3), "it never counted")
        register.connectionClosed(open[0])
        #expect(register.connectionOpened(from: "192.0.2.4").verdict == .admitted)
    }
}
