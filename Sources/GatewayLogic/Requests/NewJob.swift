import JSONText

/// The body of `POST /jobs`.
package struct NewJob: Hashable, Sendable {
    package static let maximumImageCount = 10_000

    package var pipeline: String
    package var priority: Int
    package var images: [NewJobImage]
    package var sealsWhenComplete: Bool
    package var options = Options()
    /// Webhooks that are told of it, whatever jobs they ask for.
    package var notify: [String] = []

    package struct Options: Hashable, Sendable {
        package var encoding = ""
        package var decoding = ""
        package var noCache = false
        package var maximumPixelCount: UInt64?
        package var chunkByteCount: UInt64?
        package var attempts: UInt32?
        package var auditShare: UInt32?
    }

    package init(_ body: JSON) throws(Problem) {
        var reader = try ObjectReader(body)
        pipeline = try reader.requiredText("pipeline", upTo: 65_536, allowsEmpty: true)
        priority = try reader.integer("priority", in: -100...100) ?? 0
        images = try Self.images(&reader) ?? []
        switch try reader.text("seal") {
        case nil, "when-complete": sealsWhenComplete = true
        case "never": sealsWhenComplete = false
        case let other?: throw .invalid("/seal", "seal is '\(other.prefix(40))'; it is 'when-complete' or 'never'")
        }
        if var options = try reader.object("options") { self.options = try Options(&options) }
        notify = try NewWebhook.named(&reader)
        try reader.finish()
        guard !images.isEmpty || !sealsWhenComplete else {
            throw .invalid(
                "/images", "a job without images has nothing to do; name some, or say \"seal\":\"never\" and add them")
        }
    }

    /// The member `images` of a request.
    package static func images(_ reader: inout ObjectReader) throws(Problem) -> [NewJobImage]? {
        guard let elements = try reader.elements("images", upTo: maximumImageCount) else { return nil }
        var images: [NewJobImage] = []
        for (value, pointer) in elements { images.append(try NewJobImage(value, at: pointer)) }
        return images
    }
}

extension NewJob.Options {
    fileprivate init(_ reader: inout ObjectReader) throws(Problem) {
        encoding = try reader.text("encoding", upTo: 256, allowsEmpty: true) ?? ""
        decoding = try reader.text("decoding", upTo: 256, allowsEmpty: true) ?? ""
        noCache = try reader.flag("no_cache")
        maximumPixelCount = try reader.integer("max_pixels", in: 1...Int.max).map { UInt64($0) }
        chunkByteCount = try reader.integer("chunk_bytes", in: 1 << 10...4 << 30).map { UInt64($0) }
        attempts = try reader.integer("attempts", in: 1...1000).map { UInt32($0) }
        auditShare = try reader.integer("audit_share", in: 0...1_000_000).map { UInt32($0) }
        try reader.finish()
    }
}

/// Where an image of a job comes from.
package struct NewJobImage: Hashable, Sendable {
    package enum Origin: Hashable, Sendable {
        /// An upload that exists.
        case upload(String)
        /// Bytes that will be uploaded.
        case promise(byteCount: UInt64, fingerprint: String?)
        /// The original of an earlier image.
        case source(ImageName)
    }

    package let name: String?
    package let origin: Origin

    fileprivate init(_ value: JSON, at pointer: String) throws(Problem) {
        var reader = try ObjectReader(value, at: pointer)
        name = try reader.text("name")
        switch (reader.has("upload"), reader.has("size"), reader.has("source")) {
        case (true, false, false): origin = .upload(try reader.requiredText("upload"))
        case (false, true, false):
            guard name != nil else { throw reader.missing("name") }
            guard let size = try reader.integer("size", in: 1...Int.max) else { throw reader.missing("size") }
            origin = .promise(byteCount: UInt64(size), fingerprint: try reader.text("fingerprint", upTo: 256))
        case (false, false, true):
            let text = try reader.requiredText("source")
            guard let image = ImageName(text) else {
                throw .invalid(reader.place("source"), "'\(text.prefix(40))' is not an image such as 17.3")
            }
            origin = .source(image)
        default:
            throw .invalid(pointer, "\(pointer) has one of 'upload', 'size' and 'source'")
        }
        try reader.finish()
    }
}

/// An image as the command line names it: `17.3`.
package struct ImageName: Hashable, Sendable, CustomStringConvertible {
    package let job: UInt64
    package let index: UInt32

    package init(job: UInt64, index: UInt32) {
        self.job = job
        self.index = index
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let job = UInt64(parts[0]), job > 0, String(job) == parts[0],
            let index = UInt32(parts[1]), String(index) == parts[1]
        else { return nil }
        self.init(job: job, index: index)
    }

    package var description: String { "\(job).\(index)" }
}
