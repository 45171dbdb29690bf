import JSONText

/// The body of `POST /dead-letters/redrive` and `/purge`.
package enum DeadLetterRequest: Hashable, Sendable {
    case images([ImageName])
    /// All dead letters, or those of a job; nothing is done unless there are that many.
    case matching(job: UInt64?, count: Int)

    package init(_ body: JSON) throws(Problem) {
        var reader = try ObjectReader(body)
        if reader.has("images") {
            var images: [ImageName] = []
            for (value, pointer) in try reader.elements("images", upTo: 500) ?? [] {
                guard case .string(let text) = value, let image = ImageName(text) else {
                    throw .invalid(pointer, "\(pointer) is not an image such as \"17.3\"")
                }
                images.append(image)
            }
            guard !images.isEmpty else { throw .invalid("/images", "images has no element; name at least one") }
            self = .images(images)
        } else {
            guard var filter = try reader.object("filter") else { throw reader.missing("filter") }
            let job = try filter.integer("job", in: 1...Int.max).map { UInt64($0) }
            try filter.finish()
            guard let count = try reader.integer("count", in: 0...Int.max) else { throw reader.missing("count") }
            self = .matching(job: job, count: count)
        }
        try reader.finish()
    }
}
