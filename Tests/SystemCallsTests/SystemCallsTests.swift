import Glibc
import Names
import Synchronization
import SystemCalls
import TestBasics
import Testing

@Suite struct SystemCallsTests {
    @Test func `as many files may be open as the process may choose itself`() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        getrlimit(resource, &before)
        defer { setrlimit(resource, &before) }
        var low = before
        low.rlim_cur = min(512, before.rlim_max)
        setrlimit(resource, &low)
        #expect(ThisProcess.raiseOpenFileLimit() == Int(clamping: before.rlim_max))
        var after = rlimit()
        getrlimit(resource, &after)
        #expect(after.rlim_cur == before.rlim_max)
    }

    @Test func `the clock counts what the kernel says has passed since boot`() throws {
        let before = BootTimeClock.now
        let uptime = String(decoding: try contents("/proc/uptime"), as: UTF8.self)
        let after = BootTimeClock.now
        let seconds = try #require(uptime.split(separator: " ").first.flatMap { Double($0) })
        #expect(before <= after)
        // The kernel prints hundredths, cut off.
        #expect(seconds >= Double(before) * 1e-9 - 0.011 && seconds <= Double(after) * 1e-9)
    }

    @Test func `memory counts once it is touched`() {
        let byteCount = 64 << 20
        let before = ThisProcess.residentByteCount
        #expect(before > 1 << 20)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 1)
        #expect(ThisProcess.residentByteCount > before + UInt64(byteCount / 2))
    }

    @Test func `a descriptor is closed with its owner`() throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let reader = OwnedDescriptor(ends[0])
        do {
            let writer = OwnedDescriptor(ends[1])
            let written: [UInt8] = [1, 2]
            let count = write(writer.number, written, written.count)
            #expect(count == 2)
        }
        let bytes = reader.read(upTo: 8)
        #expect(bytes == [1, 2])
        let end = reader.read(upTo: 8)
        #expect(end == [], "the last writer has closed")
        let isRefused = OwnedDescriptor(result: -1) == nil
        #expect(isRefused)
    }

    @Test func `a directory lists what is in it, by path and relative to another`() throws {
        try withTemporaryDirectory { directory in
            #expect(try directoryEntries(at: directory) == [])
            try write([], to: directory + "/file")
            try #require(mkdir(directory + "/sub", 0o700) == 0)
            try write([], to: directory + "/sub/deeper")
            #expect(try directoryEntries(at: directory).sorted() == ["file", "sub"])
            #expect(throws: SystemError(code: ENOENT)) { try directoryEntries(at: directory + "/none") }

            let parent = open(directory, O_RDONLY | O_DIRECTORY)
            try #require(parent >= 0)
            defer { close(parent) }
            #expect(try directoryEntries(at: "sub", in: parent) == ["deeper"])
            #expect(throws: SystemError(code: ENOTDIR)) { try directoryEntries(at: "file", in: parent) }
        }
    }

    @Test func `a tree is removed with its links, not with what they lead to`() throws {
        try withTemporaryDirectory { directory in
            try #require(mkdir(directory + "/kept", 0o700) == 0 && mkdir(directory + "/gone", 0o700) == 0)
            try write([1], to: directory + "/kept/file")
            try #require(symlink(directory + "/kept", directory + "/gone/link") == 0)
            removeTree(directory + "/gone")
            #expect(try directoryEntries(at: directory) == ["kept"])
            #expect(try contents(directory + "/kept/file") == [1])
        }
    }

    @Test func `names that are not UTF-8 are listed and removed`() throws {
        try withTemporaryDirectory { directory in
            let odd = BytePath(Array("\(directory)/".utf8) + [0x64, 0xE9])
            try #require(odd.withCString { mkdir($0, 0o700) } == 0)
            try #require(odd.appending(path: BytePath([0xFF])).withCString { open($0, O_CREAT | O_WRONLY, 0o600) } >= 0)
            #expect(try directoryEntries(at: directory) == ["d\u{10FEE9}"])
            #expect(try directoryEntries(at: odd.text) == ["\u{10FEFF}"])
            removeTree(odd.text)
            #expect(try directoryEntries(at: directory) == [])
        }
    }

    @Test func `an open directory is the same when its path leads elsewhere`() throws {
        try withTemporaryDirectory { directory in
            try #require(mkdir(directory + "/a", 0o700) == 0)
            let opened = try OpenDirectory(at: BytePath(text: directory + "/a"))
            try #require(rename(directory + "/a", directory + "/b") == 0 && symlink("/", directory + "/a") == 0)
            let name = try #require(FileName(text: "\u{301}x"))
            close(try opened.create(name, mode: 0o600))
            #expect(try directoryEntries(at: directory + "/b") == [name.text])
            #expect(throws: SystemError(code: EEXIST)) { close(try opened.create(name, mode: 0o600)) }
            let other = try #require(FileName(text: "other"))
            close(try opened.create(other, mode: 0o600))
            #expect(throws: SystemError(code: EEXIST)) { try opened.rename(name, to: other, replaces: false) }
            try opened.rename(name, to: other, replaces: true)
            #expect(try directoryEntries(at: directory + "/b") == ["other"])
            #expect(try opened.status(of: name) == nil)
            #expect(opened.longestName == 255)
        }
    }

    @Test func `a socket's path has 107 bytes at the most`() {
        #expect(UnixSocketAddress(path: "/" + String(repeating: "x", count: 106)) != nil)
        #expect(UnixSocketAddress(path: "/" + String(repeating: "x", count: 107)) == nil)
        #expect(UnixSocketAddress(path: "") == nil)
    }

    @Test func `a thread runs what it is given, and a semaphore counts its signals`() {
        let count = Mutex(0)
        let done = CountingSemaphore()
        for _ in 0..<8 {
            startThread {
                count.withLock { $0 += 1 }
                done.signal()
            }
        }
        for _ in 0..<8 { done.wait() }
        #expect(count.withLock { $0 } == 8)
    }

    @Test func `strings become a C array that a null pointer ends`() {
        let copies: [String] = withCStrings(["a", "", "three words here"]) { pointers in
            var copies: [String] = []
            while let string = pointers[copies.count] { copies.append(String(cString: string)) }
            return copies
        }
        #expect(copies == ["a", "", "three words here"])
    }
}
