import Foundation
import JobModel
import Kernels
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// What other programs find in our files of what was in theirs: the tables of docs/formats.md.
@Suite(.enabled(if: ForeignPrograms.areExpected, ForeignPrograms.advice))
struct MetadataTableTests {
    private static let outputs: [(name: String, ending: String)] = [
        ("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("WebP", "webp"),
    ]
    private static let inputs = ["everything.jpg", "everything.png", "everything.tif", "everything.webp"]

    /// A thing that a file says besides the pixels.
    private struct Item: Sendable {
        let name: String
        /// Whether the programs find it: each that can say so; `nil` where one cannot.
        let witnesses: @Sendable (Findings) -> [Bool?]
        /// Where it is lost, by the ending of the result, and why.
        var reasons: [String: String] = [:]
    }

    private static let items: [Item] = [
        Item(
            name: "ICC profile",
            witnesses: { found in
                let name = "sRGB built-in"
                return [
                    found.has("ICC_Profile:ProfileDescription", name), found.pillow["profile"] as? String == name,
                    found.magick[7] == name, found.tiffinfo?.contains("ICC Profile: <present>"),
                ]
            }),
        Item(
            name: "resolution",
            witnesses: { found in
                // Turned by a quarter.
                [found.resolution, found.pillowResolution, found.magickResolution].map { found in
                    found.map { zip($0, [150, 300]).allSatisfy { abs($0 - $1) < 0.1 } }
                } + [found.tiffinfo?.contains("Resolution: ")]
            }),
        Item(
            name: "EXIF: camera, lens, time",
            witnesses: { found in
                let values = [
                    ("IFD0:Make", "Nobody"), ("IFD0:Model", "Box 1"), ("ExifIFD:LensModel", "A piece of glass"),
                    ("ExifIFD:DateTimeOriginal", "2026:01:02 03:04:05"),
                ]
                return values.map { found.has($0, $1) } + [
                    found.pillow["make"] as? String == "Nobody", found.pillow["lens"] as? String == "A piece of glass",
                ]
            }),
        Item(
            name: "position (GPS)",
            witnesses: { [$0.exif["GPS:GPSLatitude"] != nil, ($0.pillow["latitude"] as? [Double])?.isEmpty == false] }),
        Item(
            name: "description, author, copyright, software",
            witnesses: { found in
                let values = [
                    (["IFD0:ImageDescription", "PNG:Description"], "a harbour"),
                    (["IFD0:Artist", "PNG:Author"], "A. Uthor"),
                    (["IFD0:Copyright", "PNG:Copyright"], "2026 A. Uthor"),
                    (["IFD0:Software", "PNG:Software"], "Pencil 3"),
                ]
                return values.map { keys, value in keys.contains { found.has($0, value) } }
                    + [found.tiffinfo?.contains("Artist: A. Uthor")]
            }),
        Item(
            name: "comment",
            witnesses: { found in
                [
                    found.has("File:Comment", "a comment") || found.has("PNG:Comment", "a comment"),
                    (found.pillow["comment"] as? String)?.contains("a comment") == true,
                ]
            },
            reasons: ["tif": "TIFF has no field for it", "webp": "WebP has no chunk for it"]),
        Item(
            name: "title, and other texts of PNG", witnesses: { [$0.has("PNG:Title", "a title")] },
            reasons: [
                "jpg": "neither JPEG nor EXIF has a place for it", "tif": "TIFF has no field for it",
                "webp": "neither WebP nor EXIF has a place for it",
            ]),
        Item(
            name: "XMP",
            witnesses: { found in
                [
                    found.has("XMP-dc:Creator", "A. Uthor"), found.has("XMP-dc:Subject", "harbour"),
                    ["PNG", "WEBP", "TIFF"].contains(found.magick[1]) ? found.pillow["xmp"] as? Bool : nil,
                    found.tiffinfo?.contains("XMLPacket (XMP Metadata)"),
                ]
            }),
        Item(
            name: "IPTC",
            witnesses: { found in
                [
                    found.has("IPTC:City", "Vlissingen"), found.has("IPTC:Keywords", "harbour"),
                    (found.pillow["city"] as? String).map { $0 == "Vlissingen" },
                    found.tiffinfo?.contains("RichTIFFIPTC Data: <present>"),
                ]
            },
            reasons: ["webp": "WebP has no chunk for it"]),
    ]

    /// The results of one input: turned upright, as is done by default.
    @Test func `what survives from each format to each`() throws {
        #expect(ForeignPrograms.missing.isEmpty, ForeignPrograms.advice)
        var text: [String] = []
        for input in Self.inputs {
            let own = try Findings.of([Self.file(input)])[0]
            let results = try Self.results(of: input)
            text.append(GeneratedTable.row(["from \(Self.name(input)) to"] + Self.outputs.map(\.name)))
            text.append(GeneratedTable.row([String](repeating: "---", count: 5)))
            for item in Self.items {
                let isThere = item.witnesses(own).compactMap { $0 }.contains(true)
                // The input's resolution is not turned yet.
                guard isThere || item.name == "resolution" else { continue }
                text.append(
                    GeneratedTable.row([item.name] + zip(results, Self.outputs).map { Self.cell(item, $0, $1.ending) }))
            }
            text.append("")
            for (found, output) in zip(results, Self.outputs) {
                Self.checkDependent(found, "\(input) to \(output.name)")
            }
        }
        try GeneratedTable("table of metadata", in: "formats.md").check(text.joined(separator: "\n"))
    }

    private static func name(_ input: String) -> String {
        outputs.first { input.hasSuffix($0.ending) }?.name ?? input
    }

    private static func cell(_ item: Item, _ found: Findings, _ ending: String) -> String {
        let said = item.witnesses(found).compactMap { $0 }
        if !said.contains(false) {
            #expect(item.reasons[ending] == nil, "\(item.name) survives in \(ending)")
            return "yes"
        }
        let reason = item.reasons[ending]
        #expect(reason != nil, "\(item.name) is lost without a reason in \(ending), or programs differ: \(said)")
        #expect(!said.contains(true), "\(item.name) in \(ending): \(said)")
        return "no: \(reason ?? "")"
    }

    /// Checks that the things that depend on the pixels are right, or gone.
    private static func checkDependent(_ found: Findings, _ what: String) {
        #expect(found.pillow["size"] as? [Int] == [47, 61], "\(what)")
        #expect(found.pillow["orientation"] as? Int == 1, "\(what)")
        for (key, right) in [
            ("IFD0:Orientation", "1"), ("XMP-tiff:Orientation", "1"), ("ExifIFD:ExifImageWidth", "47"),
            ("ExifIFD:ExifImageHeight", "61"), ("XMP-exif:ExifImageWidth", "47"),
        ] {
            #expect(found.exif[key].map { "\($0)" == right } ?? true, "\(what): \(key)")
        }
        let thumbnail = found.exif.keys.first { $0.hasPrefix("IFD1:") }
        #expect(thumbnail == nil, "\(what): a thumbnail that is not turned")
    }

    @Test func `a thumbnail survives where no pixel changes`() throws {
        var text = [
            GeneratedTable.row(
                ["thumbnail in EXIF, with `--as-stored` and no operation, from"] + Self.outputs.map(\.name)),
            GeneratedTable.row([String](repeating: "---", count: 5)),
        ]
        for input in ["everything.jpg", "everything.png", "everything.webp"] {
            let results = try Self.results(of: input, pipeline: "")
            let cells = zip(results, Self.outputs).map { found, output in
                let isThere = found.exif["IFD1:ThumbnailLength"] != nil || found.exif["IFD1:ThumbnailImage"] != nil
                #expect(isThere == (output.ending != "tif"), "\(input) to \(output.name)")
                return isThere ? "yes" : "no: the second directory of a TIFF file is its second page"
            }
            text.append(GeneratedTable.row([Self.name(input)] + cells))
        }
        try GeneratedTable("table of thumbnails", in: "formats.md").check(text.joined(separator: "\n") + "\n")
    }

    @Test func `what is left when some or all is to be left out`() throws {
        var text = [
            GeneratedTable.row(["in each format", "", "`--strip-gps`", "`--strip`"]),
            GeneratedTable.row([String](repeating: "---", count: 4)),
        ]
        let all = try Self.inputs.flatMap { try Self.results(of: $0) }
        let some = try Self.inputs.flatMap { try Self.results(of: $0, stripping: .location) }
        let none = try Self.inputs.flatMap { try Self.results(of: $0, stripping: .all) }
        for item in Self.items {
            func isFound(_ results: [Findings]) -> Bool {
                results.contains { !item.witnesses($0).compactMap { $0 }.contains(false) }
            }
            let row = [isFound(all), isFound(some), isFound(none)]
            text.append(GeneratedTable.row([item.name] + row.map { $0 ? "yes" : "no" }))
        }
        let position = (some + none).filter { $0.exif["GPS:GPSLatitude"] != nil || $0.text.contains("Vlissingen") }
        #expect(position.isEmpty, "a place in \(position.map(\.file))")
        // An empty directory may be left, and what every file of a format says of itself.
        let said = none.filter { found in found.exif.keys.contains { $0.hasPrefix("XMP") || $0.hasPrefix("ExifIFD:") } }
        #expect(said.isEmpty, "\(said.map(\.file))")
        try GeneratedTable("table of stripping", in: "formats.md").check(text.joined(separator: "\n") + "\n")
    }

    @Test func `colours that PNG says without a profile are a profile elsewhere`() throws {
        // What the file's numbers make of (200, 100, 50) in sRGB, computed apart from all of this.
        let cases: [(file: String, what: String, key: String, color: [Int]?)] = [
            ("gamma.png", "gamma and chromaticities", "PNG:Gamma", [235, 119, 62]),
            ("srgb.png", "sRGB, with its rendering intent", "PNG:SRGBRendering", [200, 100, 50]),
            ("cicp.png", "cICP (Display P3)", "", [215, 93, 31]),
            ("cicp-hdr.png", "cICP (BT.2100 PQ)", "", nil),
        ]
        var text = [
            GeneratedTable.row(["from PNG to"] + Self.outputs.map(\.name)),
            GeneratedTable.row([String](repeating: "---", count: 5)),
        ]
        for (file, what, key, color) in cases {
            let results = try Self.results(of: file, pipeline: "")
            let cells = try zip(results, Self.outputs).map { found, output in
                if output.ending == "png" {
                    // exiftool 12.57 does not know cICP.
                    let written = try Self.read(found.file)
                    let chunk = try #require(Chunk.all(of: try Self.read(Self.file(file))).first { $0.name != "IHDR" })
                    #expect(Chunk.all(of: written).contains { $0.name == chunk.name && $0.data == chunk.data })
                    #expect(key.isEmpty || found.exif[key] != nil, "\(file)")
                    return "its chunk"
                }
                guard let color else {
                    #expect(found.pillow["profile"] as? String == nil)
                    return "no: no profile of three curves says it"
                }
                let seen = found.pillow["color"] as? [Int] ?? []
                #expect(seen.count == 3 && zip(seen, color).allSatisfy { abs($0 - $1) <= 1 }, "\(file): \(seen)")
                return "as a profile"
            }
            text.append(GeneratedTable.row([what] + cells))
        }
        try GeneratedTable("table of colours", in: "formats.md").check(text.joined(separator: "\n") + "\n")
    }

    @Test func `a packet that is longer than a segment of JPEG survives`() throws {
        for found in try Self.results(of: "extended.jpg") {
            let history = found.exif["XMP-photoshop:History"] as? String
            #expect(history?.utf8.count == 72_000 && history?.hasPrefix("The harbour, once more.") == true)
            #expect(found.has("XMP-xmp:Label", "first") && found.has("XMP-dc:Creator", "A. Uthor"), "\(found.file)")
            #expect(found.exif["XMP-xmpNote:HasExtendedXMP"] == nil || found.file.hasSuffix("jpg"), "\(found.file)")
        }
        // And once more, from our own.
        let first = try Self.results(of: "extended.jpg")[0].file
        let again = try Self.results(of: first)[0]
        #expect((again.exif["XMP-photoshop:History"] as? String)?.utf8.count == 72_000)
    }

    // MARK: Results

    private static func file(_ name: String) -> String {
        guard let url = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Metadata") else {
            preconditionFailure("Metadata/\(name) is not among the tests' resources")
        }
        return url.path
    }

    private static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

    /// What is found in the results of an input in each format.
    ///
    /// - Parameter pipeline: `nil` to turn the picture upright, and no more.
    private static func results(
        of input: String, pipeline: String? = nil, stripping: MetadataStripping = .none
    ) throws -> [Findings] {
        let bytes = try read(input.hasPrefix("/") ? input : file(input))
        let directory = URL(filePath: NSTemporaryDirectory()).appending(path: "metadata-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        Cleaner.shared.directories.append(directory)
        let orientation = try probe(bytes).orientation
        let pipeline = try Pipeline(parsing: pipeline ?? ImageCoding(orientation: orientation).pipeline(""))
        let files = try outputs.map { output in
            let format = try #require(ImageFormats.output(ofFileExtension: output.ending) as? any ImageEncoding)
            let image = try ImageFile.decode(
                bytes, metadataFor: format, stripping: stripping, effect: pipeline.metadataEffect
            ) { shape in try pipeline.shapes(from: shape).last ?? shape }
            let result = try image.pixels.withUnsafeBytes { pixels in
                let base = try #require(pixels.baseAddress)
                return try SerialExecutor.run(
                    pipeline, on: RowsView(shape: image.shape, rows: 0..<image.shape.height, base: base))
            }
            let made = try withExtendedLifetime(result) {
                try ImageFile.encode(result.view, metadata: image.metadata, to: format)
            }
            let place = directory.appending(path: "result.\(output.ending)")
            try Data(made).write(to: place)
            return place.path
        }
        return try Findings.of(files)
    }

    /// Removes what tests have written, when the process ends.
    private final class Cleaner: @unchecked Sendable {
        // Tests of a suite run side by side.
        private let lock = NSLock()
        private var list: [URL] = []
        static let shared: Cleaner = {
            atexit {
                for directory in Cleaner.shared.directories { try? FileManager.default.removeItem(at: directory) }
            }
            return Cleaner()
        }()

        var directories: [URL] {
            get { lock.withLock { list } }
            set { lock.withLock { list = newValue } }
        }
    }
}

/// What four programs find in a file.
private struct Findings {
    let file: String
    /// exiftool, by `group:name`.
    let exif: [String: Any]
    let pillow: [String: Any]
    /// ImageMagick: name, format, width, height, horizontal and vertical resolution, unit, profile.
    let magick: [String]
    /// libtiff; `nil` for other formats.
    let tiffinfo: String?
    /// All texts of all programs.
    let text: String

    static func of(_ files: [String]) throws -> [Findings] {
        let json = try ForeignPrograms.run("exiftool", ["-j", "-G1", "-n", "-a"] + files)
        let exif = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        let script = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "Metadata/look.py").path
        let pillow = try ForeignPrograms.run(ForeignPrograms.python, [script] + files).split(separator: "\n")
        let format = "%f|%m|%w|%h|%x|%y|%U|%[icc:description]\\n"
        let magick = try ForeignPrograms.run("identify", ["-quiet", "-format", format] + files).split(separator: "\n")
        try #require(exif.count == files.count && pillow.count == files.count && magick.count == files.count)
        return try files.indices.map { index in
            let tiffinfo =
                files[index].hasSuffix("tif") ? try ForeignPrograms.run("tiffinfo", [files[index]]) : nil
            return Findings(
                file: files[index], exif: exif[index],
                pillow: try #require(
                    try JSONSerialization.jsonObject(with: Data(pillow[index].utf8)) as? [String: Any]),
                magick: magick[index].split(separator: "|", omittingEmptySubsequences: false).map(String.init),
                tiffinfo: tiffinfo, text: "\(exif[index]) \(pillow[index]) \(tiffinfo ?? "")")
        }
    }

    func has(_ key: String, _ value: String) -> Bool { exif[key].map { "\($0)" == value } ?? false }

    private func number(_ key: String) -> Double? { (exif[key] as? NSNumber)?.doubleValue }

    /// Pixels in an inch, as exiftool finds them in the place that the format has for them.
    var resolution: [Double]? {
        let keys: [(String, String, Double)] = [
            ("JFIF:XResolution", "JFIF:YResolution", 1),
            ("PNG-pHYs:PixelsPerUnitX", "PNG-pHYs:PixelsPerUnitY", 0.0254),
            ("IFD0:XResolution", "IFD0:YResolution", number("IFD0:ResolutionUnit") == 3 ? 2.54 : 1),
        ]
        let group = ["JPEG": 0, "PNG": 1][magick[1]] ?? 2
        guard let x = number(keys[group].0), let y = number(keys[group].1) else { return [0, 0] }
        return [x * keys[group].2, y * keys[group].2]
    }

    /// `nil` for WebP, in which Pillow looks for none.
    var pillowResolution: [Double]? {
        magick[1] == "WEBP" ? nil : (pillow["resolution"] as? [NSNumber])?.map(\.doubleValue) ?? [0, 0]
    }

    /// `nil` for WebP, in which ImageMagick looks for none.
    var magickResolution: [Double]? {
        guard magick[1] != "WEBP" else { return nil }
        let factor = magick[6] == "PixelsPerCentimeter" ? 2.54 : 1
        return [magick[4], magick[5]].map { (Double($0) ?? 0) * factor }
    }
}
