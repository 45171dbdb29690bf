import Foundation
import Names
import SeededRandom
import TestBasics
import Testing

@testable import ClientKit

@Suite struct NamingTests {
    @Test(arguments: [
        ("photo.jpg", "photo.png"), ("in/deep/photo.tar.png", "photo.tar.png"), ("/abs/noextension", "noextension.png"),
        (".hidden", ".hidden.png"), ("stdin", "stdin.png"), ("../../etc/passwd", "passwd.png"), ("..", "image-3.png"),
        (".", "image-3.png"), ("a/..", "image-3.png"), ("", "image-3.png"), ("a/", "a.png"), ("/", "image-3.png"),
        ("..png", "..png"), ("...", "...png"), ("nul\u{0}.png", "nul%00.png"), ("-rf.png", "-rf.png"),
        ("x/../\u{301}evil.png", "\u{301}evil.png"), ("in/\u{1F3FB}.png", "\u{1F3FB}.png"),
        ("Mu\u{10FEF1}oz.png", "Mu\u{10FEF1}oz.png"), ("a\u{1B}[31m\n.png", "a%1B[31m%0A.png"),
        (String(repeating: "x", count: 251) + ".png", String(repeating: "x", count: 251) + ".png"),
        (String(repeating: "x", count: 252) + ".png", String(repeating: "x", count: 249) + "-3.png"),
        (String(repeating: "é", count: 150), String(repeating: "é", count: 124) + "-3.png"),
    ])
    func `a result is named after its input and stays in its directory`(label: String, name: String) {
        let found = OutputNaming.name(for: label, index: 3)
        #expect(found.file.text.utf8.elementsEqual(name.utf8), "\(found)")
    }

    @Test func `one's own names are kept as they are`() throws {
        let names = ["a\nb.png", "\u{1B}.png", "é.png", "e\u{301}.png", "\u{10FEFF}.png", "x\u{202E}.png"]
        let found = try OutputNaming.distinctNames(for: names.map { "in/" + $0 })
        #expect(zip(found, names).allSatisfy { $0.file.text.utf8.elementsEqual($1.utf8) })
        #expect(found.allSatisfy { $0.change == nil })
    }

    @Test func `whatever others call their images, every result has a name of its own in the directory, which is told`()
    {
        var random = SeededGenerator(seed: 39)
        for longest in [32, 255] {
            var register = OutputNameRegister(longest: longest)
            var names: Set<[UInt8]> = []
            for index in 0..<5000 as Range<UInt32> {
                let label = NameText.text(
                    of: random.bytes(Int.random(in: 0...(index % 7 == 0 ? 400 : 3), using: &random)))
                let name = register.claim(label, index: index)
                let bytes = name.file.bytes
                #expect(bytes.count <= longest && !bytes.contains(UInt8(ascii: "/")) && bytes != Array("..".utf8))
                #expect(bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                #expect(names.insert(bytes).inserted)
                // A name without a note is the last part of the image's, with another extension.
                if name.change == nil {
                    let last = NameText.bytes(of: label).split(separator: UInt8(ascii: "/")).last ?? []
                    #expect(last.starts(with: bytes.dropLast(4)))
                }
            }
        }
    }

    @Test func `a change of a name is told with its reason`() {
        var register = OutputNameRegister()
        let labels = ["x.png", "b/x.jpg", "..", "a\u{7}", String(repeating: "y", count: 300)]
        #expect(
            labels.enumerated().map { register.claim($1, index: UInt32($0)).change }
                == [nil, .taken, .unusable, .escaped, .shortened])
    }

    @Test func `two results of one name are refused with both inputs`() throws {
        #expect(try OutputNaming.distinctNames(for: ["a/x.png", "b/y.png"]).map(\.file.text) == ["x.png", "y.png"])
        let error = #expect(throws: ClientError.self) { try OutputNaming.distinctNames(for: ["a/x.png", "b/x.jpg"]) }
        #expect(error?.kind == .usage)
        #expect(
            error?.message
                == "'a/x.png' and 'b/x.jpg' would both be written to x.png; rename one, or process them separately")
    }

    @Test func `long names that differ only at their ends stay different`() throws {
        let long = String(repeating: "x", count: 260)
        #expect(Set(try OutputNaming.distinctNames(for: [long + "1", long + "2"]).map(\.file)).count == 2)
    }

    @Test func `a job's images of one name are told apart by their index`() {
        var register = OutputNameRegister()
        let names = ["x.png", "a/x.jpg", "x-1.png", "x.tif"].enumerated().map {
            register.claim($1, index: UInt32($0)).file.text
        }
        #expect(names == ["x.png", "x-1.png", "x-1-2.png", "x-3.png"])
    }

    @Test func `documents are named after their inputs`() {
        #expect(OutputNaming.name(for: "a/photo.png", index: 0, fileExtension: "json").file.text == "photo.json")
        var register = OutputNameRegister()
        #expect(
            ["x.png", "y/x.png"].enumerated().map {
                register.claim($1, index: UInt32($0), fileExtension: "json").file.text
            }
                == ["x.json", "x-1.json"])
    }

    @Test func `a path that is too long for an image's name loses directories at its beginning, never its end`() {
        let label = (0..<200).map { "dir\($0)" }.joined(separator: "/") + "/photo.png"
        let fitted = OutputNaming.fitted(label)
        #expect(fitted.utf8.count <= 1024 && fitted.utf8.count > 1000)
        #expect(fitted.hasPrefix(".../dir") && label.hasSuffix(fitted.dropFirst(3)))
        #expect(OutputNaming.fitted("a/b.png") == "a/b.png")
        // The longest name that a file can have, none of it UTF-8.
        let odd = NameText.text(of: [UInt8](repeating: 0xFF, count: 255))
        #expect(OutputNaming.fitted("some/where/" + odd) == ".../" + odd)
        #expect(OutputNaming.fitted(String(repeating: "é", count: 2000)).utf8.count <= 1024)
    }
}
