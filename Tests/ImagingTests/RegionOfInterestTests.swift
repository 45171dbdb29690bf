import Kernels
import Pipelines
import Testing

@Suite struct RegionOfInterestTests {
    @Test(arguments: [
        "gaussian-blur sigma=3", "otsu", "canny low=20 high=60 | invert", "box-blur border=constant | rotate",
        "equalize | resize scale=1.7 method=cubic | flip axis=both",
    ])
    func `a region is what the whole result shows there, and does not depend on chunks and ranks`(_ text: String) throws
    {
        let whole = try Pipeline(parsing: text)
        let limited = try whole.limited(to: RegionOfInterest(parsing: "5,9,11,6"))
        let image = TestImage.drawn(33, 41, PixelFormat(.rgb, .eight), seed: 3)
        let expected = try image.applying(whole).referenceCrop(5, 9, 11, 6)
        #expect(try image.applying(limited) == expected)
        for rows in [1, 5, 50] {
            let plan = try ProcessingPlan(
                pipeline: limited, input: image.shape, chunkByteCount: rows * image.shape.bytesPerRow)
            for rankCount in [1, 3] {
                #expect(try PlanExecutor(plan: plan, rankCount: rankCount).run(on: image) == expected)
            }
        }
    }

    @Test func `the normal form of a limited pipeline ends with the cut`() throws {
        let region = try RegionOfInterest(parsing: "0,10,640,480")
        let pipeline = try Pipeline(parsing: "median   size=3").limited(to: region)
        #expect(pipeline.canonicalText == "median size=3 | crop x=0 y=10 width=640 height=480")
    }

    @Test(arguments: [
        "", "1,2,3", "1,2,3,4,5", "1,2,0,4", "-1,2,3,4", "a,b,c,d", "1,2,3,99999999999999999999", "1;2;3;4",
    ])
    func `a region of another form is refused with what is wanted`(_ text: String) throws {
        let error = #expect(throws: PipelineError.self) { try RegionOfInterest(parsing: text) }
        #expect(error?.code == .badValue)
        #expect(error?.message.contains("x,y,width,height") == true)
    }
}
