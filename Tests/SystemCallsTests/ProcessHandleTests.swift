import Foundation
import Glibc
import SystemCalls
import TestBasics
import Testing

/// Processes that are known by more than their number.
@Suite struct ProcessHandleTests {
    /// Starts a shell that is held back, and kills it afterwards.
    private func withShell<Result>(
        _ script: String, environment: [String: String] = [:],
        _ body: (HeldProcess, _ output: String) throws -> Result
    ) throws -> Result {
        try withTemporaryDirectory { directory in
            let output = directory + "/output"
            let file = OwnedDescriptor(open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            let held = try HeldProcess(
                path: "/bin/sh", arguments: ["sh", "-c", script], environment: environment, output: file)
            let handle = held.handle
            defer {
                try? handle.send(SIGKILL)
                waitForEnd(of: handle)
                _ = handle.collect()
            }
            return try body(held, output)
        }
    }

    private func waitForEnd(of handle: ProcessHandle) {
        var query = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&query, 1, 10_000) < 0 {}
    }

    @Test func `a daemon runs when it is released, in a session of its own and without a directory`() throws {
        try withShell(
            "echo $$ $(pwd) $NAME; cut -d' ' -f6 /proc/$$/stat; ls /proc/$$/fd", environment: ["NAME": "x"]
        ) {
            held, output in
            let handle = held.handle
            #expect(handle.isRunning)
            #expect(handle.collect() == nil)
            try held.release()
            waitForEnd(of: handle)
            #expect(handle.collect() == .exited(status: 0))
            let pid = handle.identity.pid
            #expect(try TestFiles.read(output) == "\(pid) / x\n\(pid)\n0\n1\n2\n")
        }
    }

    @Test func `a daemon that is never released runs nothing`() throws {
        try withTemporaryDirectory { directory in
            let file = OwnedDescriptor(open(directory + "/output", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            var held: HeldProcess? = try HeldProcess(
                path: "/bin/sh", arguments: ["sh", "-c", "echo ran"], environment: [:], output: file)
            let handle = try #require(held?.handle)
            #expect(handle.isRunning)
            held = nil
            waitForEnd(of: handle)
            #expect(handle.collect() == .exited(status: 127))
            #expect(try TestFiles.read(directory + "/output") == "")
        }
    }

    @Test func `a program that cannot be run says so in its output`() throws {
        try withTemporaryDirectory { directory in
            let file = OwnedDescriptor(open(directory + "/output", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            let held = try HeldProcess(path: "/nonexistent", arguments: ["x"], environment: [:], output: file)
            let handle = held.handle
            try held.release()
            waitForEnd(of: handle)
            #expect(handle.collect() == .exited(status: 127))
            #expect(try TestFiles.read(directory + "/output") == "cannot run /nonexistent: No such file or directory\n")
        }
    }

    @Test func `a process with the number of an earlier one is another process`() throws {
        try withShell("sleep 600") { held, _ in
            let identity = held.handle.identity
            #expect(ProcessHandle(identity) != nil)
            #expect(ProcessHandle(ProcessIdentity(pid: identity.pid, startTime: identity.startTime - 1)) == nil)
            #expect(ProcessHandle(ProcessIdentity(pid: identity.pid, startTime: identity.startTime + 1)) == nil)
            #expect(held.handle.isRunning)
        }
    }

    @Test func `a process that has ended gets no signal, also before it was collected`() throws {
        try withShell("sleep 600") { held, _ in
            let handle = held.handle
            try held.release()
            try handle.send(SIGKILL)
            waitForEnd(of: handle)
            #expect(!handle.isRunning)
            #expect(ProcessHandle(handle.identity) == nil)
            #expect(handle.collect() == .killed(signal: SIGKILL))
            try handle.send(SIGKILL)
            #expect(ProcessIdentity(of: handle.identity.pid) != handle.identity)
        }
    }

    @Test(arguments: [0, -1, Int32.max]) func `a number without a process has no identity`(_ pid: Int32) {
        #expect(ProcessIdentity(of: pid) == nil)
        #expect(ProcessHandle(ProcessIdentity(pid: pid, startTime: 1)) == nil)
    }
}
