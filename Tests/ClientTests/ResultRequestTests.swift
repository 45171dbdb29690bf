import ClientKit
import Testing

@testable import Client

@Suite struct ResultRequestTests {
    private func request(_ pipeline: String, _ output: String?, isJSON: Bool = false) throws -> ResultRequest {
        try ResultRequest(pipeline: pipeline, output: output, isJSON: isJSON)
    }

    @Test func `a name that ends with json asks a feature for its document`() throws {
        let document = try request("otsu | components", "out.json")
        #expect(document.pipeline == "otsu | components output=json")
        #expect(document.kind == .json)
        #expect(!document.isPrinted)
        #expect(try request("otsu | components", "out.png").pipeline == "otsu | components")
        #expect(try request("components output=json", "folder/").kind == .json)
    }

    @Test func `a name that ends with csv asks a histogram for its table`() throws {
        let table = try request("grayscale | histogram bins=9", "out/counts.csv")
        #expect(table.pipeline == "grayscale | histogram bins=9 output=csv")
        #expect(table.kind == .csv && !table.isPrinted)
        #expect(try request("histogram output=csv", nil, isJSON: true).kind == .csv)
        #expect(OutputNaming.name(for: "photos/cat.png", index: 0, fileExtension: "csv").file.text == "cat.csv")
    }

    @Test func `--json prints the document when it has no other place`() throws {
        #expect(try request("contours", nil, isJSON: true).isPrinted)
        #expect(try request("contours", "-", isJSON: true).kind == .json)
        #expect(try request("contours", nil).kind == .image)
        // The image goes to its file, and --json is about the job.
        let image = try request("contours", "out.png", isJSON: true)
        #expect(image.kind == .image && !image.isPrinted)
        #expect(try request("sobel", nil, isJSON: true).kind == .image)
        #expect(try request("contours output=image", nil, isJSON: true).kind == .image)
    }

    @Test(
        arguments: [
            ("sobel", "out.json", "ends with `sobel`"), ("components | invert", "x/out.json", "-o x/out.json: "),
            ("harris output=image", "out.json", "output=image"), ("harris output=json", "out.png", "name of an image"),
            ("contours", "out.csv", "which gives no CSV"),
            ("histogram output=json", "x.csv", "output=json, which gives no CSV"),
            ("histogram output=csv", "x.png", "ends with .csv"),
        ])
    func `what a pipeline does not give is refused with what to do`(
        _ pipeline: String, _ output: String, _ words: String
    ) {
        let error = #expect(throws: ClientError.self) { try request(pipeline, output) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains(words) == true)
    }

    @Test func `a region of interest and a document exclude each other, in the words of the command line`() {
        let error = #expect(throws: ClientError.self) {
            try ResultRequest(
                pipeline: "otsu | components | crop width=5", output: "r.json", isJSON: false, region: "0,0,5,5")
        }
        #expect(error?.message.contains("--roi 0,0,5,5") == true)
    }

    @Test func `a document may be shown on a terminal`() throws {
        #expect(try OutputTarget(option: nil, imageCount: 1, kind: .json, isTerminal: true) == .standardOutput)
    }

    @Test(arguments: [
        ("x.png", "quality=80", "jpeg, webp"), ("x.png", "pyramid", "tiff"), ("x.jpg", "lossless", "webp"),
        ("x.webp", "progressive", "jpeg"), ("x.tif", "subsampling=4:2:0", "jpeg"),
        ("x.jpg", "compression=none", "tiff"),
    ])
    func `an option that the results' format does not have is refused, with the formats that have it`(
        _ output: String, _ option: String, _ formats: String
    ) throws {
        let error = #expect(throws: ClientError.self) {
            try ResultEncoding(format: nil, options: [option], output: output)
        }
        #expect(error?.message.contains("(\(formats))") == true && error?.status == .usage, "\(error?.message ?? "")")
        // A preference from a file of settings is for the formats that have it.
        let preferred = try ResultEncoding(format: nil, options: [option], output: output) { _ in false }
        #expect(!preferred.text.contains(option))
        // Of many files, those that have it heed it.
        #expect(try ResultEncoding(format: nil, options: [option], output: "out/").text == "same \(option)")
    }

    @Test func `an option that has the value of the format's default is heeded`() throws {
        #expect(try ResultEncoding(format: "tiff", options: ["compression=deflate"], output: nil).text.contains("tiff"))
        #expect(try ResultEncoding(format: nil, options: ["quality=90"], output: "x.jpg").text.contains("quality=90"))
    }
}
