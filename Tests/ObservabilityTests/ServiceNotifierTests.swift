import Foundation
import Observability
import Testing

/// The service manager's end: a datagram socket at a path, or at an abstract name that begins with "@".
private struct ManagerSocket: ~Copyable {
    private let descriptor: CInt

    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let isBound = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, socklen_t(2 + bytes.count)) == 0
            }
        }
        try #require(isBound, "\(name): \(String(cString: strerror(errno)))")
    }

    deinit { close(descriptor) }

    /// The datagram that has arrived, if any: a local one has once it is sent.
    func received() -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
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
        #expect(notifier.status("3 jobs\nREADY=1"))
        #expect(manager.received() == "STATUS=3 jobs\\nREADY=1")
        #expect(notifier.watchdogPing())
        #expect(manager.received() == "WATCHDOG=1")
        #expect(notifier.extendTimeout(by: .milliseconds(1500)))
        #expect(manager.received() == "EXTEND_TIMEOUT_USEC=1500000")
        #expect(notifier.stopping())
        #expect(manager.received() == "STOPPING=1")
        #expect(manager.received() == nil)
    }

    @Test func `the service manager hears how the daemon is`() throws {
        var template = Array("/tmp/tessera-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try expectAllNotifications(at: directory + "/notify")
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

@Suite struct ProcessTests {
    @Test func `the clock counts what the kernel says has passed since boot`() throws {
        let before = BootTimeClock.now
        let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
        let after = BootTimeClock.now
        let seconds = try #require(uptime.split(separator: " ").first.flatMap { Double($0) })
        #expect(before <= after)
        // The kernel prints hundredths, cut off.
        #expect(seconds >= Double(before) * 1e-9 - 0.011 && seconds <= Double(after) * 1e-9)
    }

    @Test func `memory counts once it is touched`() {
        let byteCount = 64 << 20
        let before = ProcessMemory.residentByteCount
        #expect(before > 1 << 20)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 1)
        #expect(ProcessMemory.residentByteCount > before + UInt64(byteCount / 2))
    }
}
