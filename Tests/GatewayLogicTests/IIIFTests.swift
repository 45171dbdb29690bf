import GatewayLogic
import JSONText
import SeededRandom
import Testing

/// Addresses of the IIIF Image API, what they name, and what is said of an image.
@Suite struct IIIFTests {
    private static let image = IIIFExtent(width: 1000, height: 700)

    private func picture(
        _ parameters: String, of image: IIIFExtent = Self.image, _ limits: IIIFLimits = .standard
    ) throws -> IIIFPicture {
        let address = try IIIFAddress(["iiif", "3", "17.3.result"] + parameters.split(separator: "/").map(String.init))
        guard case .picture(let request) = address.resource else { throw Problem.notFound("not a picture") }
        return try IIIFPicture(request, of: image, limits)
    }

    private func status(_ parameters: String, of image: IIIFExtent = Self.image) throws -> Int? {
        do {
            _ = try picture(parameters, of: image)
            return nil
        } catch let problem as Problem {
            return problem.status
        }
    }

    @Test func `an address names an image and what is wanted of it`() throws {
        let base = try IIIFAddress(["iiif", "3", "17.3.result"])
        #expect(base.identifier == IIIFIdentifier(image: ImageName(job: 17, index: 3), part: .result))
        #expect(base.resource == .base)
        #expect(try IIIFAddress(["iiif", "3", "1.0.source", "info.json"]).resource == .information)
        #expect("\(base.identifier)" == "17.3.result")
    }

    @Test(arguments: [
        "", "17.3", "17.3.", "17.3.thumbnail", "017.3.result", "17.03.result", "17.3.result.result", "0.0.result",
        "a/b",
        "[frob]", "17.-1.result", " 17.3.result", "17.3.Result", "17.4294967296.result",
    ]) func `anything else than an image's one name is not found`(identifier: String) {
        let problem = #expect(throws: Problem.self) { try IIIFAddress(["iiif", "3", identifier, "info.json"]) }
        #expect(problem?.status == 404)
    }

    @Test(arguments: [
        ["iiif", "3"], ["iiif", "2", "17.3.result"], ["iiif", "3", "17.3.result", ""],
        ["iiif", "3", "17.3.result", "info"],
        ["iiif", "3", "17.3.result", "full", "max", "0"],
        ["iiif", "3", "17.3.result", "full", "max", "0", "default.jpg", ""], [],
    ]) func `a path of another length is not found`(segments: [String]) {
        let problem = #expect(throws: Problem.self) { try IIIFAddress(segments) }
        #expect(problem?.status == 404)
    }

    @Test(arguments: [
        // Regions.
        ("full/max/0/default.jpg", "full/max/0/default.jpg"),
        ("0,0,1000,700/max/0/color.jpg", "full/max/0/default.jpg"),
        ("square/max/0/gray.png", "150,0,700,700/max/0/gray.png"),
        ("900,600,500,500/max/0/default.jpg", "900,600,100,100/max/0/default.jpg"),
        ("pct:10,20,30,40/max/0/default.jpg", "100,140,300,280/max/0/default.jpg"),
        ("pct:99.99,0,0.001,100/max/0/default.jpg", "999,0,1,700/max/0/default.jpg"),
        ("pct:50,50,.5,900/max/0/default.jpg", "500,350,5,350/max/0/default.jpg"),
        // Sizes.
        ("full/1000,700/0/default.jpg", "full/max/0/default.jpg"),
        ("full/500,/0/default.jpg", "full/500,350/0/default.jpg"),
        ("full/,350/0/default.jpg", "full/500,350/0/default.jpg"),
        ("full/pct:50/0/default.jpg", "full/500,350/0/default.jpg"),
        ("full/!200,200/0/default.jpg", "full/200,140/0/default.jpg"),
        ("full/!900,70/0/default.jpg", "full/100,70/0/default.jpg"),
        ("full/^500,350/0/default.jpg", "full/500,350/0/default.jpg"),
        ("full/pct:.01/0/default.jpg", "full/1,1/0/default.jpg"),
        ("full/^!1000,2000/0/default.jpg", "full/max/0/default.jpg"),
        // Rotations.
        ("full/max/360/default.jpg", "full/max/0/default.jpg"),
        ("full/max/!90.00/bitonal.png", "full/max/!90/bitonal.png"),
    ]) func `every spelling of a picture has one canonical spelling`(spelling: String, canonical: String) throws {
        let named = try picture(spelling)
        #expect(named.canonicalText == canonical)
        #expect(try picture(canonical) == named)
    }

    @Test(arguments: [
        "all", "full ", "1,2,3", "1,2,3,4,5", "-1,0,10,10", "0,0,0,10", "0,0,10,0", "1000,0,1,1", "0,700,1,1",
        "1.5,0,1,1",
        "0x1,0,1,1", "1e3,0,1,1", "pct:", "pct:0,0,0,10", "pct:100,0,1,1", "pct:1,1,1", "pct:+1,0,1,1", "pct:nan,0,1,1",
        "pct:1e1,0,1,1", "1234567890,0,1,1", ",,,", "pct:.,0,1,1", "٣,0,1,1",
    ]) func `a region that is none, or outside, is refused`(region: String) throws {
        #expect(try status("\(region)/max/0/default.jpg") == 400)
    }

    @Test(arguments: [
        "full", "0,", ",0", ",", "0,0", "!10,", "!,10", "!", "^", "pct:0", "pct:101", "pct:-1", "pct:", "1001,", ",701",
        "1001,700", "1000,701", "!1001,701", "10,10,10", "^^max", "10.5,", "!max", "max ", "1234567890,",
    ]) func `a size that is none, or larger than the region, is refused`(size: String) throws {
        #expect(try status("full/\(size)/0/default.jpg") == 400)
    }

    @Test(arguments: ["^max", "^1001,", "^,701", "^pct:100.1", "^2000,10", "^!1001,701"])
    func `enlarging is not implemented`(size: String) throws {
        #expect(try status("full/\(size)/0/default.jpg") == 501)
    }

    @Test(arguments: ["", "45", "-90", "361", "!", "!!0", "0!", "90,", "1e2", "450"])
    func `a rotation that is not a quarter is refused`(rotation: String) throws {
        guard !rotation.isEmpty else { return }
        #expect(try status("full/max/\(rotation)/default.jpg") == 400)
    }

    @Test(arguments: [
        "default", "default.", ".jpg", "default.jpeg", "default.tif", "grey.jpg", "default.jpg.png", "Default.jpg",
    ])
    func `a quality or a format that is not there is refused`(file: String) throws {
        #expect(try status("full/max/0/\(file)") == 400)
    }

    @Test func `a large image is shown within the limits, and no picture is above them`() throws {
        let image = IIIFExtent(width: 100_000, height: 40_000)
        let limits = IIIFLimits.standard
        let whole = try picture("full/max/0/default.jpg", of: image).size
        #expect(whole.width * whole.height <= limits.maximumArea && whole.width <= limits.maximumSide)
        #expect(whole.width * (whole.height + 2) > limits.maximumArea, "as large as is allowed")
        #expect(abs(Double(whole.width) / Double(whole.height) - 2.5) < 0.01)
        #expect(try picture("full/!90000,90000/0/default.jpg", of: image).size == whole)
        #expect(try picture("0,0,90000,1/max/0/default.jpg", of: image).size == IIIFExtent(width: 16_384, height: 1))
        for size in ["16385,1", "8000,8000", "pct:50", "20000,"] {
            #expect(try status("full/\(size)/0/default.jpg", of: image) == 400, "\(size)")
        }
        // At a limit already, the largest enlarged picture is that one.
        #expect(try picture("full/^max/0/default.jpg", of: image).canonicalText == "full/max/0/default.jpg")
    }

    /// Whatever the numbers are, a picture is within its image, its region and the limits, and its canonical spelling is its own.
    @Test func `pictures of random addresses are consistent`() throws {
        var random = SeededGenerator(seed: 20)
        func number(_ most: Int) -> Int { Int.random(in: 0...most, using: &random) }
        var count = 0
        for _ in 0..<20_000 {
            let image = IIIFExtent(width: 1 + number(number(60_000)), height: 1 + number(number(60_000)))
            let regions = [
                "full", "square", "\(number(image.width)),\(number(image.height)),\(number(9999)),\(number(9999))",
                "pct:\(number(99)).\(number(99)),\(number(99)),\(number(120)).5,\(number(100)).25",
            ]
            let sizes = [
                "max", "\(number(2000)),", ",\(number(2000))", "\(number(900)),\(number(900))",
                "!\(number(900)),\(number(900))",
                "pct:\(number(100)).\(number(999))", "^!\(number(90)),\(number(90))",
            ]
            let text = "\(regions[number(3)])/\(sizes[number(6)])/\(number(4) * 90)/gray.png"
            guard let picture = try? picture(text, of: image) else { continue }
            count += 1
            let (region, size) = (picture.region, picture.size)
            let isWithin =
                region.x + region.extent.width <= image.width && region.y + region.extent.height <= image.height
            #expect(isWithin, "\(text) of \(image)")
            #expect(size.width <= region.extent.width && size.height <= region.extent.height, "\(text) of \(image)")
            let again = try self.picture(picture.canonicalText, of: image)
            #expect(again == picture, "\(text) of \(image)")
        }
        #expect(count > 5000, "\(count) of the addresses name a picture")
    }

    @Test func `the information names the tiles that cover the image, and no size above the limits`() throws {
        let information = IIIFInformation(
            address: "http://host/iiif/3/17.3.result", image: IIIFExtent(width: 30_001, height: 20_000), isColor: true)
        #expect(information.scaleFactors == [1, 2, 4, 8, 16, 32, 64])
        #expect(information.sizes.first == IIIFExtent(width: 469, height: 313))
        #expect(information.sizes.last == IIIFExtent(width: 3751, height: 2500))
        let json = information.json
        #expect(json.member("id") == .string("http://host/iiif/3/17.3.result"))
        #expect(json.member("profile") == "level2")
        #expect(json.member("maxArea") == .integer(16 << 20))
        #expect(json.member("extraQualities") == ["color", "gray", "bitonal"])
        let small = IIIFInformation(address: "", image: IIIFExtent(width: 512, height: 1), isColor: false)
        #expect(small.scaleFactors == [1])
        #expect(small.json.member("extraQualities") == ["gray", "bitonal"])
        // What is offered is not refused.
        for size in information.sizes {
            #expect(throws: Never.self) {
                try picture("full/\(size.width),\(size.height)/0/default.jpg", of: information.image)
            }
        }
    }

    @Test func `a link opens an image of IIIF by itself, and by its image and its job`() throws {
        let scope = try LinkScope(path: "/iiif/3/17.3.result", isPrefix: true)
        #expect(scope.text == "/iiif/3/17.3.result/*")
        #expect(scope.subject?.job == 17 && scope.subject?.image == 3)
        #expect(throws: Problem.self) { try LinkScope(path: "/iiif/3/17.3.result", isPrefix: false) }
        for path in ["/iiif/3", "/iiif/3/17.3", "/iiif/3/17.3.result/info.json", "/iiif/2/17.3.result"] {
            #expect(throws: Problem.self, "\(path)") { try LinkScope(path: path, isPrefix: true) }
        }
        let segments = ["iiif", "3", "17.3.result", "full", "max", "0", "default.jpg"]
        #expect(
            LinkScope.scopes(opening: segments).map(\.text) == [
                "/iiif/3/17.3.result/*", "/jobs/17/*", "/jobs/17/images/3/*",
            ])
        #expect(LinkScope.scopes(opening: ["iiif", "3", "17.3"]).isEmpty)
        let job = try LinkScope(path: "/jobs/17", isPrefix: true)
        #expect(job.subject?.job == 17 && job.subject?.image == nil)
    }
}
