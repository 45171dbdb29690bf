import DaemonSupport
import Glibc
import SystemCalls
import TestBasics
import Testing

/// The service manager's end: a datagram socket at a path, or at an abstract name that begins with "@".
private struct ManagerSocket: ~Copyable {
    private let descriptor: OwnedDescriptor

    init(_ name: String) throws {
        let kind = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let address = try #require(UnixSocketAddress(path: name))
        guard let descriptor = OwnedDescriptor(result: socket(AF_UNIX, kind, 0)),
            address.withAddress({ bind(descriptor.number, $0, $1) }) == 0
        else { throw SystemError.last }
        self.descriptor = descriptor
    }

    /// The datagram that has arrived, if any: a local one has once it is sent.
    func received() -> String? {
        descriptor.read(upTo: 4096).map { String(decoding: $0, as: UTF8.self) }
    }
}

@Suite struct ServiceNotifierTests {
    private func notifier(_ environment: [String: String]) -> ServiceNotifier {
        ServiceNotifier { environment[$0] }
    }

    private func expectAllNotifications(at name: String) throws {
        let manager = try ManagerSocket(name)
        let notifier = notifier(["NOTIFY_SOCKET": name])
        #expect(notifier.ready(status: "serving on port 7411"))
        #expect(manager.received() == "READY=1\nSTATUS=serving on port 7411")
        #expect(notifier.ready())
        #expect(manager.received() == "READY=1")
        #expect(notifier.ready(status: "3 jobs\nSTOPPING=1"))
        #expect(manager.received() == "READY=1\nSTATUS=3 jobs\\nSTOPPING=1")
        #expect(notifier.watchdogPing())
        #expect(manager.received() == "WATCHDOG=1")
        #expect(notifier.stopping())
        #expect(manager.received() == "STOPPING=1")
        #expect(manager.received() == nil)
    }

    @Test func `the service manager hears how the daemon is`() throws {
        try withTemporaryDirectory { try expectAllNotifications(at: $0 + "/notify") }
    }

    @Test func `abstract sockets are spoken to as well`() throws {
        try expectAllNotifications(at: "@tessera-test-\(UInt64.random(in: .min ... .max))")
    }

    @Test func `without a service manager nothing is sent`() {
        for environment in [
            [:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"], ["NOTIFY_SOCKET": "/no/such/socket"],
            ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)],
        ] {
            #expect(!notifier(environment).ready())
        }
    }

    @Test func `the watchdog's interval is for this process or for none`() {
        #expect(notifier(["WATCHDOG_USEC": "3000000"]).watchdogInterval == .seconds(3))
        #expect(notifier(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "\(getpid())"]).watchdogInterval == .seconds(3))
        #expect(notifier(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"]).watchdogInterval == nil)
        #expect(notifier(["WATCHDOG_USEC": "0"]).watchdogInterval == nil)
        #expect(notifier(["WATCHDOG_USEC": "-5"]).watchdogInterval == nil)
        #expect(notifier(["WATCHDOG_USEC": "soon"]).watchdogInterval == nil)
        #expect(notifier([:]).watchdogInterval == nil)
    }
}
