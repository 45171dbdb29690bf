import ClientKit
import Cryptography
import Foundation
import JobModel
import TestBasics
import Testing

@testable import Client

@Suite struct InputTests {
    /// Only files that begin so are sent.
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    @Test func `a file of another kind is refused before it is sent, with the command that converts it`() throws {
        try withTemporaryDirectory { directory in
            let kinds: [(start: [UInt8], words: String, isConverted: Bool)] = [
                ([0xFF, 0x4F, 0xFF, 0x51], "it is a JPEG 2000 file", true),
                (Array("RIFF1234WAVE".utf8), "a sound or video file", false),
                (Array("BM1234\0\0\0\0".utf8), "a BMP file", true),
                (Array("\0\0\0\u{1C}ftypheic".utf8), "it is a HEIC file", true),
                (Array("hello".utf8), "it is a text file", false), ([0, 1, 10, 255], "begins with 00 01 0a ff", false),
                (Array(Self.signature.prefix(7)), "not a PNG", false),
            ]
            for kind in kinds {
                let file = directory + "/photo.jpg"
                try TestFiles.write(kind.start, to: file)
                let (files, complaints) = try JobInputs.examine([file])
                #expect(files.isEmpty)
                let error = try #require(complaints.first?.error)
                #expect(error.message.contains(kind.words) && error.message.contains(file), "\(error.message)")
                #expect(error.code == (kind.isConverted ? "unsuitable" : "corrupt-input"), "\(error.code)")
                let command = "convert \(ShellWord.quoted(file)) \(ShellWord.quoted(directory + "/photo.png"))"
                #expect(error.message.contains(command) == kind.isConverted, "\(error.message)")
            }
        }
    }

    @Test func `what the cluster would refuse is refused before it is sent, and what it would take is not`() throws {
        try withTemporaryDirectory { directory in
            let file = directory + "/a.png"
            func complaint(
                _ bytes: [UInt8], _ pipeline: String = "", encoding: String = "", decoding: String = ""
            ) throws -> ClientError? {
                try TestFiles.write(bytes, to: file)
                var request = JobRequest(pipeline: pipeline, submitter: "a")
                request.encoding = encoding
                request.decoding = decoding
                return try JobInputs.examine([file], for: request).complaints.first?.error
            }
            let image = TestFiles.image
            for encoding in ["", "jpeg quality=5", "webp", "tiff strip"] {
                #expect(try complaint(image, "invert", encoding: encoding) == nil)
            }
            // Damage that only decoding finds is the cluster's to find; limits are the master's.
            #expect(try complaint(Array(image.dropLast(12))) == nil)
            #expect(try complaint(image, "border all=1000000 | border all=1000000") == nil)
            // A header that is damaged; a height of 0.
            var damaged = image
            damaged[20] ^= 1
            #expect(try complaint(damaged)?.code == "corrupt-input")
            #expect(try complaint(Array(image.prefix(40)))?.message.contains("truncated") == true)
            // What the result cannot be written as.
            let error = try #require(try complaint(image, "border left=20000", encoding: "webp"))
            #expect(error.code == "over-limit" && error.message.contains("20001 x 1"), "\(error)")
            #expect(try complaint(image, "histogram output=json", encoding: "webp") == nil)
            #expect(
                try complaint(Array("II*\0".utf8) + [8, 0, 0, 0, 0, 0], decoding: "page=2")?.code == "corrupt-input")
        }
    }

    @Test func `a list of files may come from Windows, and blank lines are none`() {
        func names(_ list: String) -> [String] { InputListOption.names(in: Array(list.utf8)) }
        #expect(names("a.png\r\n\r\nb c.png\r\n") == ["a.png", "b c.png"])
        #expect(names("\u{FEFF}a.png\n\n-\n") == ["a.png", "./-"])
        #expect(names("\u{FEFF}") == [] && names("\r\n") == [])
        // With zero bytes behind them, names may have any other byte.
        #expect(names("a\r\0b\n\0-\0") == ["a\r", "b\n", "./-"])
    }

    @Test func `an image in the place of a list of files is refused as one`() throws {
        try withTemporaryDirectory { directory in
            let file = directory + "/coffee.png"
            let starts: [[UInt8]] = [
                Self.signature + [0, 0, 0, 13], [0xFF, 0xD8, 0xFF, 0xE0, 0], Array("II*\0abc".utf8),
                Array("RIFF1234WEBP".utf8),
            ]
            for start in starts {
                try TestFiles.write(start, to: file)
                let run = try #require(
                    try Tessera.parseAsRoot(["run", "invert", "--files-from", file, "-o", "x/"]) as? Run)
                let error = #expect(throws: ClientError.self) { try run.list.adding(to: []) }
                #expect(error?.status == .usage)
                #expect(error?.message.hasPrefix("'\(file)' is an image, not a list of files") == true)
            }
            #expect(!InputFormat.isImage(Array("MMORPG.png\n".utf8)) && !InputFormat.isImage(Array("RIFF.png".utf8)))
        }
    }

    @Test func `the command that converts a file is one that a shell takes, and that replaces no file`() throws {
        try withTemporaryDirectory { directory in
            let bitmap = Array("BM1234\0\0\0\0".utf8)
            for name in ["j.png", "it's.bmp", "a.bmp", "a.png"] {
                try TestFiles.write(bitmap, to: "\(directory)/\(name)")
            }
            func command(_ name: String) throws -> String {
                let error = try #require(try JobInputs.examine(["\(directory)/\(name)"]).complaints.first?.error)
                return String(error.message.split(separator: "convert ", maxSplits: 1)[1])
            }
            let place = ShellWord.quoted(directory)
            #expect(try command("j.png") == "\(place)/j.png \(place)/j-converted.png")
            #expect(try command("a.bmp") == "\(place)/a.bmp \(place)/a-converted.png")
            #expect(
                try command("it's.bmp") == "'\(directory)/it'\\''s.bmp' '\(directory)/it'\\''s.png'")
        }
        #expect(ShellWord.path("-x.jpg") == "./-x.jpg")
    }

    @Test func `of many files of another format a few are named, with one command for all`() {
        func complaints(_ count: Int, _ ending: String) -> [InputComplaint] {
            (1...count).map { InputComplaint(label: "in/\($0).\(ending)", error: ClientError("unsuitable", "no")) }
        }
        let told = JobInputs.told(complaints(30, "jpg"), isJSON: false)
        #expect(told.errors.count == 3)
        #expect(
            told.notes == [
                "and 27 more to be converted; with ImageMagick, all of them: mogrify -format png in/*.jpg"
            ])
        #expect(JobInputs.told(complaints(30, "jpg"), isJSON: true).errors.count == 30)
        #expect(JobInputs.told(complaints(3, "jpg"), isJSON: false).notes.isEmpty)
        // Images that are wrongly called PNG are not replaced.
        #expect(
            InputFormat.command(forAll: ["a.png"])
                == "mkdir -p converted && mogrify -format png -path converted *.png")
        #expect(InputFormat.command(forAll: ["a"]) == nil)
        let unreadable = InputComplaint(label: "a", error: ClientError("unreadable", "no"))
        let many = JobInputs.told(Array(repeating: unreadable, count: 70), isJSON: false)
        #expect(many.errors.count == 50 && many.notes == ["and 20 more that cannot be used"])
    }

    @Test func `files that cannot be read are named with the reason, the others are kept`() async throws {
        try withTemporaryDirectory { directory in
            try TestFiles.write(TestFiles.image, to: directory + "/a.png")
            try TestFiles.write("", to: directory + "/empty.png")
            let (files, complaints) = try JobInputs.examine([
                directory + "/missing.png", directory + "/a.png", directory, directory + "/empty.png", "/dev/zero",
            ])
            #expect(files.map(\.label) == [directory + "/a.png"])
            #expect(files.map(\.byteCount) == [UInt64(TestFiles.image.count)])
            let reasons = [
                "No such file or directory", "it is a directory", "it is empty",
                "not a regular file; use '-' to read from a pipe",
            ]
            #expect(complaints.count == reasons.count)
            for (complaint, reason) in zip(complaints, reasons) {
                #expect(complaint.error.message.contains(reason))
                #expect(complaint.error.message.contains(complaint.label))
            }
        }
    }

    @Test func `standard input is kept in a file without a name and can be read twice`() async throws {
        let pipe = Pipe()
        let bytes = TestFiles.image
        try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
        try pipe.fileHandleForWriting.close()
        let input = FileDescriptor(pipe.fileHandleForReading.fileDescriptor)
        let file = try #require(try JobInputs.examine(["-"], standardInput: input).files.first)
        #expect(file.label == "stdin")
        #expect(file.byteCount == UInt64(bytes.count))
        let digest = try #require(BlobDigest(SHA256.hash(bytes)))
        for _ in 0..<2 {
            #expect(try await file.reference() == BlobReference(digest: digest, byteCount: UInt64(bytes.count)))
        }
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: file.path.text)
        #expect(link.hasSuffix("(deleted)"))
    }

    @Test func `an empty standard input and a second one are refused`() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.close()
        let input = FileDescriptor(pipe.fileHandleForReading.fileDescriptor)
        let empty = #expect(throws: ClientError.self) { try JobInputs.examine(["-"], standardInput: input) }
        #expect(empty == ClientError("unreadable", "standard input is empty; pipe an image into it"))
        let error = #expect(throws: ClientError.self) { try JobInputs.examine(["-", "-"], standardInput: input) }
        #expect(error?.status == .usage)
    }

    @Test func `a pipeline is checked before anything is sent, and the place is shown`() throws {
        #expect(try PipelineArgument().checked("  box-blur   size=5|invert ") == "box-blur size=5 | invert")
        let error = #expect(throws: ClientError.self) {
            try PipelineArgument().checked("invert | box-blur size=4")
        }
        #expect(error?.status == .usage)
        #expect(error?.code == "bad-value")
        #expect(
            error?.message.hasSuffix(
                """

                  invert | box-blur size=4
                                    ^^^^^^
                """) == true)
    }

    @Test(arguments: [
        ("invrt", "  invrt\n  ^^^^^"), ("invert | nope size=3", "           ^^^^"),
        ("box-blur sise=3", "           ^^^^^^"),
        ("box-blur size=3 size=5", "                  ^^^^^^"), ("invert || invert", "          ^"),
        ("convolve kernel=\"0 1 / 1 0\"", "           ^^^^^^^^^^^^^^^^^^"),
    ])
    func `the caret points at what is wrong`(text: String, ending: String) {
        #expect(
            PipelineArgument().pointer(into: text).hasSuffix("\n" + ending)
                || PipelineArgument().pointer(into: text) == "\n" + ending)
    }

    @Test func `images of a job are named by job and index`() throws {
        #expect(try JobArgument(argument: "17").selection == .job(JobID(17)))
        #expect(try JobArgument(argument: "17.3").selection == .image(ImageID(job: JobID(17), index: 3)))
        for text in ["", "17.", ".3", "0", "17.3.1", "x", "-1"] {
            #expect(throws: (any Error).self) { try JobArgument(argument: text) }
        }
    }
}
