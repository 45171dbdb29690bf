import JSONText

/// The body of `POST /previews`: what a pipeline would make of an image, looked at before anything is submitted.
package struct PreviewRequest: Hashable, Sendable {
    /// Sides of an overview in pixels.
    package static let sides = 16...2048

    package enum Source: Hashable, Sendable {
        case upload(String)
        /// The original of an image of a job.
        case original(ImageName)
    }

    package enum View: Hashable, Sendable {
        /// The whole image, made small first: its longer side has `side` pixels, or as many as the image has.
        case overview(side: Int)
        /// A part of the result, pixel for pixel.
        case region(x: Int, y: Int, width: Int, height: Int)
    }

    package let source: Source
    package let pipeline: String
    package let view: View

    package init(_ body: JSON) throws(Problem) {
        var reader = try ObjectReader(body)
        source = try Self.source(&reader)
        pipeline = try reader.requiredText("pipeline", upTo: 65_536, allowsEmpty: true)
        let mode = try reader.requiredText("mode")
        switch mode {
        case "overview": view = .overview(side: try reader.integer("size", in: Self.sides) ?? 1024)
        case "region": view = try Self.region(&reader)
        default: throw .invalid("/mode", "mode is '\(mode.prefix(40))'; it is 'overview' or 'region'")
        }
        try reader.finish()
    }

    private static func source(_ reader: inout ObjectReader) throws(Problem) -> Source {
        switch (reader.has("upload"), reader.has("source")) {
        case (true, false): return .upload(try reader.requiredText("upload"))
        case (false, true):
            let text = try reader.requiredText("source")
            guard let image = ImageName(text) else {
                throw .invalid("/source", "'\(text.prefix(40))' is not an image such as 17.3")
            }
            return .original(image)
        default: throw .invalid("", "the body has one of 'upload' and 'source'")
        }
    }

    private static func region(_ reader: inout ObjectReader) throws(Problem) -> View {
        guard let elements = try reader.elements("region", upTo: 4) else { throw reader.missing("region") }
        var numbers: [Int] = []
        for (value, pointer) in elements {
            // A corner may be at 0, a side not.
            let least = numbers.count < 2 ? 0 : 1
            let number: Int? =
                switch value {
                case .integer(let whole): whole
                case .number(let number): Int(exactly: number)
                case .null, .bool, .string, .array, .object: nil
                }
            guard let number, (least...1_000_000).contains(number) else {
                throw .invalid(pointer, "\(pointer) is not a whole number from \(least) to 1000000")
            }
            numbers.append(number)
        }
        guard numbers.count == 4 else {
            throw .invalid("/region", "region has \(numbers.count) numbers; it is [x, y, width, height]")
        }
        return .region(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
    }
}
