import ImageCodecs
import ImageFormats
import Pipelines
import TestSupport
import Testing

extension Integration {
    /// Whole slides by level, from the command to the picture; `SlideTests` has what their files can be.
    @Suite struct `Whole slides are read by level` {
        @Test func `of Aperio's and Hamamatsu's, and what is not the tissue is said to be left out`() async throws {
            let svs = try SVSSlide.small(subsampling: .both)
            var ndpi = try NDPISlide.small(subsampling: .horizontal)
            // Wider than a JPEG picture can say.
            ndpi.levels.insert(
                NDPISlide.Level(
                    tiles: try JPEGTiles(
                        width: 66_000, height: 40, tileWidth: 13_200, tileHeight: 8, subsampling: .horizontal), lens: 40
                ),
                at: 0)
            try await Cluster.with(workers: 1) { cluster in
                let slides = [
                    (try cluster.file("slide.svs", svs.file()), svs.levels),
                    (try cluster.file("slide.ndpi", ndpi.file().bytes), ndpi.levels.map(\.tiles)),
                ]
                for (slide, levels) in slides {
                    for (level, tiles) in levels.enumerated() {
                        let output = cluster.path("level.png")
                        let outcome = try await cluster.start([
                            "run", "", slide, "-o", output, "--level", "\(level)", "--chunk-bytes", "60K", "--no-cache",
                        ]).outcome()
                        #expect(outcome.status == 0, "\(outcome)")
                        #expect(outcome.errors.contains("its thumbnail, its label and the whole glass"), "\(outcome)")
                        let picture = try ImageFile.decode(cluster.contents(output))
                        #expect(
                            try picture.shape == tiles.shape && picture.pixels == tiles.pixels(), "\(slide) \(level)")
                    }
                }
                let missing = try await cluster.start(
                    ["run", "", slides[0].0, "-o", cluster.path("x.png"), "--page", "9"]
                ).outcome()
                #expect(
                    missing.status != 0
                        && missing.errors.contains("a thumbnail, the label and the whole glass"), "\(missing)")
            }
        }
    }
}
