import ImageCodecs
import JobModel
import Kernels
import Pipelines
import TestSupport
import Testing

extension Integration {
    /// A second image that is uploaded with the job.
    @Suite struct `A watermark is put over every image of a job` {
        private static let pictures = [
            TestImage(width: 180, height: 400, seed: 2), TestImage(width: 60, height: 50, .gray, .sixteen),
            TestImage(width: 90, height: 300, .rgba, seed: 3),
        ]
        private static let logo = TestImage(width: 70, height: 40, .rgba, seed: 7)

        @Test func `a file that the pipeline names is sent once, and found by all workers`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let logo = try cluster.file("my logo.png", Self.logo.png)
                let files = try Self.pictures.enumerated().map { try cluster.file("\($0).png", $1.png) }
                let words = "gravity=south-east x=-9 y=12 opacity=0.7"
                let out = cluster.path("out")
                let outcome = try await cluster.start(
                    ["run", "box-blur | overlay image=\"\(logo)\" \(words)"] + files + [
                        "-o", out + "/", "--chunk-bytes", "20K",
                    ]
                ).outcome()
                #expect(outcome.status == 0, "\(outcome)")

                let content = AttachedImage.Content(digest: String(repeating: "5d", count: 32), byteCount: 1)
                let picture = PictureLibrary.shared.enter(
                    Picture(shape: Self.logo.shape, pixels: Self.logo.pixels), as: content)
                for (index, image) in Self.pictures.enumerated() {
                    let expected = try withExtendedLifetime(picture) {
                        try image.processedSerially("box-blur | overlay image=\(content) \(words)")
                    }
                    #expect(try cluster.contents("\(out)/\(index).png") == expected, "\(index)")
                }
                // The same on this machine; and the pipeline that is kept names what was sent.
                let verified = try await cluster.start(
                    ["verify", "overlay image=\"\(logo)\" \(words)"] + files + ["--chunk-bytes", "20K"]
                ).outcome()
                #expect(verified.status == 0, "\(verified)")
                let status = try await cluster.start(["status", "1", "--json"]).outcome()
                #expect(status.text.contains("overlay image=sha256:"), "\(status)")
                #expect(!status.text.contains("my logo"), "\(status)")
            }
        }

        @Test func `an overlay that is not an image or too large is refused before anything is computed`() async throws
        {
            try await Cluster.with(workers: 1) { cluster in
                let input = try cluster.file("in.png", Self.pictures[0].png)
                func errors(_ path: String, status: Int32) async throws -> String {
                    let outcome = try await cluster.start(
                        ["run", "overlay image=\(path)", input, "-o", cluster.path("out.png")]
                    ).outcome()
                    #expect(outcome.status == status, "\(outcome)")
                    return outcome.errors
                }
                #expect(try await errors(cluster.path("none.png"), status: 1).contains("No such file"))
                let text = try cluster.file("text.png", Array("not an image".utf8))
                #expect(try await errors(text, status: 1).contains("The file is not a PNG"))
                let file = try cluster.file("large.png", TestImage(width: 4097, height: 2048, .gray).png)
                let large = try await errors(file, status: 1)
                #expect(large.contains("4097 x 2048 = 8390656 pixels; at most 8388608"), "\(large)")
            }
        }
    }
}
