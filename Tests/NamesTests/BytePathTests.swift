import Names
import Testing

@Suite struct BytePathTests {
    @Test func `a path is divided at the byte, whatever follows it`() {
        for mark in ["\u{301}", "\u{1F3FB}", "\u{FE0F}", "\u{200D}"] {
            let path = BytePath(text: "in/\(mark)evil.png")
            #expect(path.fileName?.bytes == Array("\(mark)evil.png".utf8))
            #expect(path.directory == "in")
            #expect(
                BytePath(text: "new/\(mark)n/x").ways.map(\.bytes) == [
                    Array("new".utf8), Array("new/\(mark)n".utf8), Array("new/\(mark)n/x".utf8),
                ])
        }
    }

    @Test(
        arguments: [
            ("x", ".", "x"), ("/x", "/", "x"), ("a/b/x", "a/b", "x"), ("a//x", "a", "x"), ("//x", "/", "x"),
            ("", ".", nil),
            (".", ".", nil), ("..", ".", nil), ("a/..", "a", nil), ("a/", "a", nil), ("/", "/", nil),
            ("...", ".", "..."),
        ] as [(BytePath, BytePath, String?)])
    func `a path has a directory, and a name unless it is one`(path: BytePath, directory: BytePath, name: String?) {
        #expect(path.directory == directory)
        #expect(path.fileName == name.flatMap { FileName(text: $0) })
    }

    @Test func `the directories on the way to a path`() {
        func ways(_ path: BytePath) -> [String] { path.ways.map(\.text) }
        #expect(ways("a/b//c/") == ["a", "a/b", "a/b//c"])
        #expect(ways("/a/b") == ["/a", "/a/b"])
        #expect(ways("a") == ["a"])
    }

    @Test func `two spellings of one look are two paths`() {
        #expect(BytePath(text: "é.png") != BytePath(text: "e\u{301}.png"))
        #expect(Set<BytePath>(["é", "e\u{301}"]).count == 2)
        #expect(Set([FileName(text: "é"), FileName(text: "e\u{301}")]).count == 2)
    }

    @Test func `a name is one component, and with a directory it stays in it`() {
        for text in ["", ".", "..", "a/b", "/", "a\u{0}"] { #expect(FileName(text: text) == nil) }
        DrawnName.many { bytes, _ in
            guard let name = FileName(bytes) else { return }
            for directory in ["in", "in/", "/", "."] as [BytePath] {
                let path = directory.appending(name)
                #expect(path.fileName == name)
                #expect(path.directory == directory.appending(path: "x").directory)
            }
        }
    }

    @Test func `C is given the bytes, and no shorter path than was meant`() {
        func bytes(_ path: BytePath) -> [UInt8] {
            path.withCString { start in
                var bytes: [UInt8] = []
                while start[bytes.count] != 0 { bytes.append(UInt8(bitPattern: start[bytes.count])) }
                return bytes
            }
        }
        #expect(bytes(BytePath([0x61, 0xF1, 0x2F])) == [0x61, 0xF1, 0x2F])
        #expect(bytes("/etc\u{0}/passwd") == [])
    }
}
