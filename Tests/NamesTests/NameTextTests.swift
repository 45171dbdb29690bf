import Names
import SeededRandom
import Testing

/// Names as bad as they come: random bytes, and pieces that are known to be trouble, in random order.
enum DrawnName {
    static let pieces: [[UInt8]] =
        [
            "a", "é", "e\u{301}", "\u{301}", "\u{1F3FB}", "\u{FE0F}", "\u{200D}", "/", "//", "..", ".", " ", "\n",
            "\r\n", "\t",
            "\u{1B}[31m", "\u{9B}2J", "\u{7F}", "\u{202E}", "\u{2066}", "\u{2028}", "\u{2029}", "\u{85}", "\u{FEFF}",
            "%", "\\",
            "\u{10FE80}", "\u{10FEC2}\u{10FE9B}", "\u{10FEFF}", "\u{FFFD}", "日本", "👩‍👩‍👧", ".png",
        ].map { Array($0.utf8) } + [
            [0], [0x80], [0x9B], [0xC0, 0xAF], [0xC3], [0xED, 0xA0, 0x80], [0xF1], [0xF4, 0x90, 0x80, 0x80], [0xFE],
            [0xFF],
            [0x83, 0x65, 0x83, 0x58], [0xF4, 0x8F, 0xBA],
        ]

    static func bytes(_ random: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 0...8, using: &random)).flatMap { _ in
            Bool.random(using: &random)
                ? pieces.randomElement(using: &random)! : random.bytes(Int.random(in: 0...4, using: &random))
        }
    }

    /// Calls `body` with many names.
    static func many(_ count: Int = 20_000, _ body: ([UInt8], inout SeededGenerator) throws -> Void) rethrows {
        var random = SeededGenerator(seed: 39)
        for _ in 0..<count { try body(bytes(&random), &random) }
    }
}

@Suite struct NameTextTests {
    @Test func `every name comes back from its text form`() {
        DrawnName.many { name, _ in
            let text = NameText.text(of: name)
            #expect(NameText.bytes(of: text) == name)
            // Names that differ, differ as text too, byte by byte.
            #expect(String(decoding: Array(text.utf8), as: UTF8.self).utf8.elementsEqual(text.utf8))
        }
    }

    @Test func `a name that is UTF-8 is its own text form, in whatever form its marks are`() {
        for name in ["photo.png", "é", "e\u{301}", "\u{301}x", "👩‍👩‍👧", "\u{10FE7F}\u{10FF00}", ""] {
            #expect(NameText.text(of: name.utf8).utf8.elementsEqual(name.utf8))
            #expect(NameText.isUTF8(name))
        }
        #expect(NameText.text(of: [0x4D, 0x75, 0xF1, 0x6F, 0x7A]) == "Mu\u{10FEF1}oz")
        #expect(NameText.repaired("Mu\u{10FEF1}oz") == ("Mu\u{FFFD}oz", false))
    }

    @Test func `a name that has an escape in it already comes back, too`() {
        let name = Array("\u{10FEF1}".utf8)
        #expect(NameText.text(of: name).unicodeScalars.count == 4)
        #expect(NameText.bytes(of: NameText.text(of: name)) == name)
    }

    @Test func `nothing that is shown steers a terminal, also when a peer made the text form up`() {
        DrawnName.many { name, random in
            let texts = [NameText.text(of: name), String(decoding: name, as: UTF8.self)]
            for text in texts {
                for scalar in ShownText.of(text).unicodeScalars { #expect(!ShownText.isHidden(scalar), "\(name)") }
                for scalar in ShownText.lines(text).unicodeScalars where scalar != "\n" && scalar != "\t" {
                    #expect(!ShownText.isHidden(scalar), "\(name)")
                }
            }
            #expect(BytePath(name).description == ShownText.of(name: name))
        }
    }

    @Test func `what is shown says which character it was`() {
        #expect(ShownText.of("a\u{1B}[2Jb\r\nc\u{202E}\u{2028}\u{9B}") == #"a\u{1b}[2Jb\r\nc\u{202e}\u{2028}\u{9b}"#)
        #expect(ShownText.of("Mu\u{10FEF1}oz é 👍") == #"Mu\xF1oz é 👍"#)
        #expect(ShownText.lines("a\tb\nc\u{7}") == "a\tb\nc\\u{7}")
        // A text form that stands for a control character.
        #expect(ShownText.of("\u{10FEC2}\u{10FE9B}") == #"\u{9b}"#)
    }

    @Test func `a file name that others chose is rid of controls, and of nothing else`() {
        func safe(_ name: String) -> String { NameText.text(of: FileName.withoutControls(Array(name.utf8))) }
        #expect(safe("a\u{1B}[2J\n\u{7F}\u{9B}\u{202E}\u{2028}") == "a%1B[2J%0A%7F%C2%9B%E2%80%AE%E2%80%A8")
        for kept in ["é", "e\u{301}", "\u{1F3FB}", "👩‍👩‍👧", "a b%1B", "ab\u{200F}"] {
            #expect(safe(kept).utf8.elementsEqual(kept.utf8))
        }
        #expect(FileName.withoutControls([0x4D, 0xF1, 0x1B]) == [0x4D, 0xF1] + Array("%1B".utf8))
        DrawnName.many { name, _ in
            for byte in FileName.withoutControls(name) { #expect(byte >= 0x20 && byte != 0x7F) }
        }
    }

    @Test func `a name is not cut within a character`() {
        let name = Array("aé日👍".utf8)
        #expect((0...10).map { FileName.shortened(name, to: $0).count } == [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10])
        #expect(FileName.shortened([0x80, 0x80, 0x80, 0x80, 0x80, 0x80], to: 5).count == 5)
        #expect(FileName.shortened(name, to: -1) == [])
    }
}
