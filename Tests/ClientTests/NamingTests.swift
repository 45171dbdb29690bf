import ClientKit
import Foundation
import Glibc
import Names
import Pipelines
import TestBasics
import Testing

@testable import Client

@Suite struct NamingTests {
    /// Only files that begin so are sent.

    private func target(_ option: String?, _ count: Int?, isTerminal: Bool = false) throws -> OutputTarget {
        try OutputTarget(option: option, imageCount: count, isTerminal: isTerminal) { $0 == "existing" }
    }

    @Test func `-o says file, directory or standard output`() throws {
        #expect(try target("out.png", 1) == .file("out.png"))
        #expect(try target("out/", 1) == .directory("out/"))
        #expect(try target("photo.jpg.png", 1) == .file("photo.jpg.png"))
        #expect(try target("v1.2/result", 1) == .file("v1.2/result"))
        #expect(try target("existing", 5) == .directory("existing"))
        #expect(try target("-", 1) == .standardOutput)
        #expect(try target(nil, 1) == .standardOutput)
        #expect(try target("out/", nil) == .directory("out/"))
    }

    @Test(
        arguments: [
            (nil, 2, false, "-o DIR/"), ("out.png", 2, false, "write -o out.png/"), ("-", 2, false, "use -o DIR/"),
            ("-", 1, true, "standard output is a terminal"), (nil, 1, true, "-o FILE"), ("", 1, false, "needs a path"),
            ("out.png", nil, false, "several images"),
            ("out.gif", 1, false, "write -o out.png, and convert it afterwards"),
            ("a.b/Out.PSD", 1, false, "write -o a.b/Out.png"),
            ("hist.csv", 1, false, "results are PNG, JPEG, TIFF or WEBP files"),
            ("\u{301}\u{10FEF1}.gif", 1, false, "write -o \u{301}\\xF1.png"),
        ] as [(String?, Int?, Bool, String)])
    func `-o that makes no sense is refused with what to do`(
        option: String?, count: Int?, isTerminal: Bool, words: String
    ) {
        let error = #expect(throws: ClientError.self) { try target(option, count, isTerminal: isTerminal) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains(words) == true)
    }

    @Test(
        arguments: [
            ("out.json", .image, "results are PNG, JPEG, TIFF or WEBP files; write -o out.png"),
            ("out.csv", .image, "results are PNG, JPEG, TIFF or WEBP files; write -o out.png"),
            ("out.png.gz", .image, "results are PNG, JPEG, TIFF or WEBP files; write -o out.png"),
            ("out.zip", .image, "results are PNG, JPEG, TIFF or WEBP files; write -o out.png"),
            ("x.png", .json, "results are JSON files; write -o x.json"),
            ("x.PNG", .csv, "results are CSV files; write -o x.csv"),
            ("x.csv", .json, "results are JSON files; write -o x.json"),
            ("x.json.gz", .json, "results are JSON files; write -o x.json"),
            ("x.jpg", .json, "results are JSON files; write -o x.json"),
        ] as [(String, ResultKind, String)])
    func `a result does not get the name of another kind, and only pictures are converted`(
        _ option: String, _ kind: ResultKind, _ words: String
    ) {
        let error = #expect(throws: ClientError.self) {
            try OutputTarget(option: option, imageCount: 1, kind: kind, isTerminal: false) { _ in false }
        }
        #expect(error?.status == .usage)
        #expect(error?.message.hasSuffix(words) == true, "\(error?.message ?? "")")
    }

    @Test func `a result gets the name of its kind in any case`() throws {
        for (option, kind) in [
            ("x.PNG", .image), ("x.JPEG", .image), ("x.Tif", .image), ("x.webp", .image), ("x.Json", .json),
            ("x.csv", .csv),
        ] as [(String, ResultKind)] {
            let target = try OutputTarget(option: option, imageCount: 1, kind: kind, isTerminal: false) { _ in false }
            #expect(target == .file(BytePath(text: option)))
        }
        #expect(try ResultRequest(pipeline: "contours", output: "X.JSON", isJSON: false).kind == .json)
    }

    @Test func `an input is not replaced unless that is asked for`() async throws {
        try withTemporaryDirectory { directory in
            try TestFiles.write(TestFiles.image, to: directory + "/a.png")
            try TestFiles.write(TestFiles.image, to: directory + "/b.jpg")
            try FileManager.default.createSymbolicLink(atPath: directory + "/link.png", withDestinationPath: "b.jpg")
            let inputs = try JobInputs(
                [directory + "/a.png", directory + "/b.jpg"], context: CommandContext(isJSON: false))
            let error = #expect(throws: ClientError.self) {
                try inputs.places(in: .directory(BytePath(text: directory)), mayReplaceInputs: false)
            }
            #expect(error?.message.contains("would replace the input '\(directory)/a.png'") == true)
            #expect(throws: ClientError.self) {
                try inputs.places(in: .file(BytePath(text: directory + "/link.png")), mayReplaceInputs: false)
            }
            #expect(
                try inputs.places(in: .directory(BytePath(text: directory)), mayReplaceInputs: true).places
                    == ["a", "b"].map { .file(BytePath(text: "\(directory)/\($0).png")) })
            // Also under another name: a hard link, and a link that a directory's name goes through.
            try FileManager.default.linkItem(atPath: directory + "/a.png", toPath: directory + "/hard.png")
            try FileManager.default.createSymbolicLink(atPath: directory + "/same", withDestinationPath: ".")
            for path in ["/hard.png", "/same/a.png", "/./a.png"] {
                let error = #expect(throws: ClientError.self) {
                    try inputs.places(in: .file(BytePath(text: directory + path)), mayReplaceInputs: false)
                }
                #expect(error?.status == .usage)
            }
        }
    }

    @Test func `results of odd names are named byte by byte, and new ones are told`() throws {
        try withTemporaryDirectory { directory in
            let long = String(repeating: "x", count: 253)
            let names = [
                "é.png", "e\u{301}.png", "\u{301}m.png", "\u{1F3FB}.png", "\u{10FEFF}.png", "a\nb.png", "..png", long,
            ]
            for name in names {
                let path = BytePath(text: "\(directory)/\(name)")
                let file = FileDescriptor(path.withCString { open($0, O_WRONLY | O_CREAT, 0o600) })
                try file.writeAll(TestFiles.image)
                file.close()
            }
            let inputs = try JobInputs(names.map { "\(directory)/\($0)" }, context: CommandContext(isJSON: false))
            #expect(inputs.complaints == [])
            let places = try inputs.places(in: .directory(BytePath(text: directory + "/out/")), mayReplaceInputs: false)
            #expect(
                places.places.dropLast().compactMap { $0.path?.bytes }
                    == names.dropLast().map { BytePath(text: "\(directory)/out/\($0)").bytes })
            #expect(places.renamed.map(\.change) == [.shortened])
            #expect(places.renamed.first?.text.contains("longer than the file system allows") == true)
        }
    }

    @Test func `a place that cannot be written is refused before anything is sent, and makes nothing`() throws {
        try withTemporaryDirectory { directory in
            try TestFiles.write(TestFiles.image, to: directory + "/a.png")
            let inputs = try JobInputs([directory + "/a.png"], context: CommandContext(isJSON: false))
            try FileManager.default.createDirectory(atPath: directory + "/out/a.png", withIntermediateDirectories: true)
            for target in [.file("none/x.png"), .directory("out"), .directory("a.png"), .file("out")] as [OutputTarget]
            {
                let inside: OutputTarget =
                    switch target {
                    case .file(let path): .file(BytePath(text: directory).appending(path: path))
                    case .directory(let path): .directory(BytePath(text: directory).appending(path: path))
                    case .standardOutput: .standardOutput
                    }
                let error = #expect(throws: ClientError.self) {
                    try inputs.places(in: inside, mayReplaceInputs: true)
                }
                #expect(error?.code == "cannot-write", "\(inside)")
            }
            try TestFiles.write("there", to: directory + "/there.png")
            let taken = #expect(throws: ClientError.self) {
                try inputs.places(
                    in: .file(BytePath(text: directory + "/there.png")), mayReplaceInputs: false, mayReplace: false)
            }
            #expect(taken?.code == "exists")
            #expect(try TestFiles.names(in: directory) == ["a.png", "out", "there.png"])
        }
    }

    @Test func `an option whose value begins with a mark is given to the parser in two parts`() {
        #expect(
            ArgumentText.separated(["--output=\u{301}x", "--output=x", "-o", "\u{301}", "--json", "--", "--a=\u{301}"])
                == ["--output", "\u{301}x", "--output=x", "-o", "\u{301}", "--json", "--", "--a=\u{301}"])
    }
}
