import Pipelines
import Testing

@testable import Kernels

@Suite struct AttachmentTests {
    private static let digest = String(repeating: "0a", count: 32)

    @Test func `a pipeline names files until their content is known, and content from then on`() throws {
        let written = try Pipeline(
            parsing: "overlay image=logo.png x=5|overlay   image=\"a b|c.png\" | overlay image=logo.png")
        #expect(written.attachedFiles == ["logo.png", "a b|c.png"])
        #expect(written.attachments.isEmpty)
        #expect(
            written.canonicalText == "overlay image=logo.png x=5 | overlay image=\"a b|c.png\" | overlay image=logo.png"
        )
        #expect(try Pipeline(parsing: written.canonicalText) == written)
        #expect(throws: Never.self) { try written.checkForSubmission(mayNameFiles: true) }
        let error = #expect(throws: PipelineError.self) { try written.checkForSubmission() }
        #expect(error?.message.contains("image=logo.png") == true)

        let one = AttachedImage.Content(digest: Self.digest, byteCount: 12)
        let other = AttachedImage.Content(digest: String(repeating: "b1", count: 32), byteCount: 7)
        let submitted = try written.attaching(["logo.png": one, "a b|c.png": other])
        #expect(submitted.attachedFiles.isEmpty)
        #expect(submitted.attachments == [one, other])
        #expect(
            submitted.canonicalText
                == "overlay image=sha256:\(one.digest):12 x=5 | overlay image=sha256:\(other.digest):7 | "
                + "overlay image=sha256:\(one.digest):12")
        #expect(throws: Never.self) { try submitted.checkForSubmission() }
        #expect(try Pipeline(parsing: submitted.canonicalText) == submitted)
    }

    @Test(arguments: [
        "sha256:", "sha256:0a:1", "sha256:\(digest):0", "sha256:\(digest):-1", "sha256:\(digest):007",
        "sha256:\(digest.uppercased()):5", "sha256:\(digest):5:6", "sha256:\(digest)", "",
    ])
    func `a value that begins as content does and is not is refused`(_ text: String) {
        let error = #expect(throws: PipelineError.self) { try Pipeline(parsing: "overlay image=\(text)") }
        #expect(error?.code == .badValue)
    }

    @Test func `a worker holds four attachments, so that a pipeline has no more`() throws {
        func overlays(_ count: Int) -> String { (0..<count).map { "overlay image=\($0).png" }.joined(separator: " | ") }
        #expect(throws: Never.self) { try Pipeline(parsing: overlays(4)) }
        let error = #expect(throws: PipelineError.self) { try Pipeline(parsing: overlays(5)) }
        #expect(error?.message.contains("5 images besides its input; at most 4") == true)
        // The same one many times is one.
        #expect(throws: Never.self) {
            try Pipeline(parsing: Array(repeating: "overlay image=a.png", count: 9).joined(separator: " | "))
        }
    }

    @Test func `each stage says what its own steps attach`() throws {
        let (first, last) = (TestPicture.content(0), TestPicture.content(1))
        let pipeline = try Pipeline(
            parsing: "overlay image=\(first) | invert | box-blur | otsu | gamma gamma=2 | overlay image=\(last)")
        let shape = ImageShape(width: 40, height: 30, format: PixelFormat(.rgb, .eight))
        let plan = try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: 400)
        #expect(plan.stages.map(\.attachments) == [[first], [last], []])
    }

    /// The levels where quotients change, in both pictures, at opacities that are powers of 2 and at their
    /// neighbours.
    @Test(arguments: [SampleDepth.eight, .sixteen])
    func `opaque samples mix as exact fractions do, rounded halves up`(_ depth: SampleDepth) {
        let most = UInt64(depth.maximum)
        var levels: [UInt64] = [1, 2, most / 2 + 1, most - 2, most - 1]
        for step: UInt64 in 0...64 { levels.append(step * most / 64) }
        var pairs: [(UInt64, UInt64)] = []
        for one in levels { for other in levels { pairs.append((one, other)) } }
        var shares: [UInt64] = []
        for exponent in 0..<16 {
            let power: UInt64 = 1 << exponent
            shares += [power - 1, power, power + 1]
        }
        shares.append(65535)
        switch depth {
        case .eight: checkMixing(pairs, shares, UInt8.self)
        case .sixteen: checkMixing(pairs, shares, UInt16.self)
        }
    }

    private func checkMixing<Sample: FixedWidthInteger & UnsignedInteger>(
        _ pairs: [(UInt64, UInt64)], _ shares: [UInt64], _: Sample.Type
    ) {
        let most = UInt64(Sample.max)
        let picture = pairs.map { pair in Sample(pair.0) }
        let image = pairs.map { pair in Sample(pair.1) }
        for share in shares {
            var (mixed, covered) = (image, image)
            SourceOver.mix(picture, share: UInt32(share), over: &mixed, picture.count)
            let covers = [UInt32](repeating: UInt32(most * share), count: picture.count)
            SourceOver.mix(picture, covers: covers, over: &covered, picture.count)
            let whole = most * 65535
            let expected = pairs.map { pair -> Sample in
                let sum = pair.0 * most * share + pair.1 * (whole - most * share)
                return Sample((sum + whole / 2) / whole)
            }
            #expect(mixed == expected, "opacity \(share)")
            #expect(covered == expected, "opacity \(share)")
        }
    }

    @Test func `what nobody owns is forgotten`() {
        let content = AttachedImage.Content(digest: Self.digest, byteCount: 1)
        let shape = ImageShape(width: 1, height: 1, format: PixelFormat(.gray, .eight))
        func enter(_ level: UInt8) -> Picture {
            PictureLibrary.shared.enter(Picture(shape: shape, pixels: [level]), as: content)
        }
        do {
            let owner = enter(1)
            #expect(enter(2).pixels == [1], "the first stays as long as it is owned")
            withExtendedLifetime(owner) {}
        }
        #expect(PictureLibrary.shared[content] == nil)
        #expect(enter(3).pixels == [3])
    }
}
