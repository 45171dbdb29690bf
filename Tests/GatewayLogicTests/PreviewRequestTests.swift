import GatewayLogic
import JSONText
import Testing

@Suite struct PreviewRequestTests {
    private func request(_ text: String) throws -> PreviewRequest {
        try PreviewRequest(try JSON(parsing: Array(text.utf8)))
    }

    @Test func `an overview and a region are read`() throws {
        let overview = try request(#"{"upload":"abc","pipeline":"invert","mode":"overview"}"#)
        #expect(overview.source == .upload("abc"))
        #expect(overview.view == .overview(side: 1024))
        let region = try request(#"{"source":"17.3","pipeline":"","mode":"region","region":[0,5,640,480]}"#)
        #expect(region.source == .original(ImageName(job: 17, index: 3)))
        #expect(region.view == .region(x: 0, y: 5, width: 640, height: 480))
    }

    @Test(arguments: [
        (#"{"upload":"a","source":"1.0","pipeline":"","mode":"overview"}"#, ""),
        (#"{"pipeline":"","mode":"overview"}"#, ""),
        (#"{"upload":"a","pipeline":"","mode":"tiles"}"#, "/mode"),
        (#"{"upload":"a","pipeline":"","mode":"overview","size":15}"#, "/size"),
        (#"{"upload":"a","pipeline":"","mode":"region"}"#, "/region"),
        (#"{"upload":"a","pipeline":"","mode":"region","region":[0,0,1]}"#, "/region"),
        (#"{"upload":"a","pipeline":"","mode":"region","region":[0,0,0,1]}"#, "/region/2"),
        (#"{"upload":"a","pipeline":"","mode":"region","region":[-1,0,1,1]}"#, "/region/0"),
        (#"{"upload":"a","pipeline":"","mode":"region","region":[0,0,1,1],"size":64}"#, "/size"),
        (#"{"source":"17","pipeline":"","mode":"overview"}"#, "/source"),
    ]) func `anything else is refused at its place`(text: String, pointer: String) throws {
        let problem = #expect(throws: Problem.self) { try request(text) }
        #expect(problem?.status == 422)
        #expect(problem?.errors.map(\.pointer) == [pointer])
    }
}
