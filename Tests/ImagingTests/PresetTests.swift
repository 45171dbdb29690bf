import Pipelines
import Testing

@Suite struct PresetTests {
    static let text = """
        # what our scanner needs
        descreen = median size=3 | gaussian-blur sigma=0.8

        archive  = @descreen | grayscale |
                   # a comment between two lines
                   stretch low=1 high=99
        mine=convolve kernel="0 1 0 / 1 2 1 / 0 1 0" scale=0.2
        """

    @Test func `presets stand for their operations, also among others and in each other`() throws {
        let book = try PresetBook(parsing: Self.text, origin: "presets")
        #expect(book.names == ["archive", "descreen", "mine"])
        func canonical(_ text: String) throws -> String { try Pipeline(parsing: book.expanding(text)).canonicalText }
        #expect(try canonical("@descreen") == "median size=3 | gaussian-blur sigma=0.8")
        #expect(
            try canonical("invert|  @archive |invert")
                == "invert | median size=3 | gaussian-blur sigma=0.8 | grayscale | stretch low=1 high=99 | invert")
        #expect(try canonical("@mine") == "convolve kernel=\"0 1 0 / 1 2 1 / 0 1 0\" scale=0.2")
        #expect(try canonical("box-blur size=3") == "box-blur size=3")
    }

    @Test(arguments: [
        ("nonsense", "line 1", PipelineError.Code.badPresets), ("Upper = invert", "`Upper`", .badPresets),
        ("a = invert\n\na = sobel", "line 3: `a` is there already, on line 1", .badPresets),
        ("a = invert\nb = box-blur size=4", "line 2, preset `b`: `box-blur`: size=4", .badValue),
        ("a = @b\nb = @a", "cannot use itself: @a, which uses @b, which uses @a", .badPresets),
        ("a = @c", "there is no preset `@c`", .unknownPreset), ("a =", "preset `a`", .emptyPipeline),
        ("a = @a x=1", "takes no arguments", .badSyntax),
    ])
    func `what is wrong with a file of presets is named with its line`(
        text: String, words: String, code: PipelineError.Code
    ) {
        let error = #expect(throws: PipelineError.self) { try PresetBook(parsing: text, origin: "f") }
        #expect(error?.code == code)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func `presets that double at every level are refused before they fill the memory`() {
        var text = "p0 = invert | invert\n"
        for level in 1...15 { text += "p\(level) = @p\(level - 1) | @p\(level - 1)\n" }
        #expect(throws: PipelineError.self) { try PresetBook(parsing: text, origin: "f") }
    }

    @Test func `an unknown preset names its nearest, and a pipeline that nobody expanded is refused`() throws {
        let book = try PresetBook(parsing: Self.text, origin: "presets")
        let error = #expect(throws: PipelineError.self) { try book.expanding("@descren") }
        #expect(error?.message.contains("did you mean `descreen`?") == true)
        let unexpanded = #expect(throws: PipelineError.self) { try Pipeline(parsing: "@descreen") }
        #expect(unexpanded?.code == .unknownPreset)
    }
}
