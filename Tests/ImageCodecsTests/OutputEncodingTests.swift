import Testing

@testable import ImageFormats

/// What a job asks of its results' files, on its way to the format that heeds it.
@Suite struct OutputEncodingTests {
    /// Options that differ from the default in one member each.
    private static let samples: [EncodingOptions] = [
        sample { $0.quality = 35 }, sample { $0.subsampling = .horizontal }, sample { $0.isProgressive = true },
        sample { $0.isLossless = true }, sample { $0.compression = EncodingOptions.Compression.none },
        sample { $0.isPyramid = true },
    ]

    private static func sample(_ change: (inout EncodingOptions) -> Void) -> EncodingOptions {
        var options = EncodingOptions()
        change(&options)
        return options
    }

    /// The names of the members in which options differ from the default.
    private static func changedMembers(of options: EncodingOptions) -> [String] {
        func members(_ options: EncodingOptions) -> [(name: String, value: String)] {
            Mirror(reflecting: options).children.map { ($0.label ?? "?", "\($0.value)") }
        }
        return zip(members(options), members(EncodingOptions())).filter { $0.value != $1.value }.map(\.0.name)
    }

    /// A member that is forgotten in any of the lists between the command line and the format would be lost in silence.
    @Test func `each option is a word, and is kept by some format when a job is submitted`() throws {
        let all = Mirror(reflecting: EncodingOptions()).children.map { $0.label ?? "?" }
        let changed = Self.samples.map(Self.changedMembers)
        #expect(changed.map(\.count) == Self.samples.map { _ in 1 })
        #expect(Set(changed.joined()) == Set(all), "each member of EncodingOptions needs a sample here")
        for (sample, member) in zip(Self.samples, changed) {
            #expect(sample.words.count == 1, "\(member)")
            #expect(try EncodingOptions(words: sample.words.map { $0[...] }) == sample, "\(member)")
            let keepers = ImageFormats.outputs.filter { sample.kept(by: $0) == sample }
            #expect(!keepers.isEmpty, "no format keeps \(member)")
            for format in keepers {
                let request = ([format.name] + sample.words).joined(separator: " ")
                #expect(try OutputEncoding.check(request) == request)
                // The default of a format need not be said.
                #expect(
                    try OutputEncoding(parsing: request).format.options.words.contains(sample.words[0]), "\(request)")
            }
        }
    }

    @Test func `a request loses what its format does not have, and nothing else`() throws {
        let everything = "quality=80 subsampling=4:2:2 progressive compression=none pyramid"
        #expect(try OutputEncoding.check("jpeg \(everything)") == "jpeg quality=80 subsampling=4:2:2 progressive")
        #expect(try OutputEncoding.check("tiff \(everything)") == "tiff compression=none pyramid")
        #expect(try OutputEncoding.check("webp \(everything)") == "webp quality=80")
        #expect(try OutputEncoding.check("webp lossless pyramid") == "webp lossless")
        #expect(try OutputEncoding.check("png \(everything)") == "png")
        #expect(try OutputEncoding.check("same \(everything)") == "same \(everything)")
    }
}
