import JSONText

/// An answer that says why a request was not carried out (RFC 9457).
package struct Problem: Error, Hashable, Sendable {
    /// The HTTP status.
    package var status: Int
    /// The stable code.
    package var code: String
    /// One sentence: what happened, with what value, what is allowed, what to do.
    package var detail: String
    /// What is wrong with the request's body, place by place.
    package var errors: [Place] = []
    /// Header fields of the answer.
    package var headers: [(name: String, value: String)] {
        get { headerFields.map { ($0.name, $0.value) } }
        set { headerFields = newValue.map { HeaderField(name: $0.name, value: $0.value) } }
    }
    /// For `mismatching-upload-offset`: the right offset.
    package var uploadOffset: UInt64?
    private var headerFields: [HeaderField] = []

    private struct HeaderField: Hashable, Sendable {
        let name: String
        let value: String
    }

    /// A part of the request's body that is refused.
    package struct Place: Hashable, Sendable {
        /// A JSON pointer (RFC 6901).
        package var pointer: String
        package var detail: String
        /// The refused part of a pipeline's text, in Unicode scalars.
        package var position: Range<Int>?

        package init(pointer: String, detail: String, position: Range<Int>? = nil) {
            self.pointer = pointer
            self.detail = detail
            self.position = position
        }
    }

    package init(_ status: Int, _ code: String, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    package func with(_ name: String, _ value: String) -> Problem {
        var problem = self
        problem.headers.append((name, value))
        return problem
    }

    /// The `application/problem+json` document.
    /// - Parameter requestID: the number of the request in the log.
    package func json(requestID: String) -> JSON {
        [
            "type": .string("/problems/\(code)"), "title": .string(title), "status": .integer(status),
            "detail": .string(detail), "code": .string(code), "request_id": .string(requestID),
            "errors": errors.isEmpty ? nil : .array(errors.map(\.json)),
            "upload_offset": uploadOffset.map { .integer($0) },
        ]
    }

    /// The code as words.
    package var title: String {
        let words = code.replacing("-", with: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }
}

extension Problem.Place {
    fileprivate var json: JSON {
        [
            "pointer": .string(pointer), "detail": .string(detail),
            "position": position.map { [.integer($0.lowerBound), .integer($0.upperBound)] },
        ]
    }
}

extension Problem {
    package static func malformed(_ detail: String) -> Problem { Problem(400, "malformed", detail) }
    package static func invalid(_ pointer: String, _ detail: String) -> Problem {
        var problem = Problem(422, "invalid-argument", detail)
        problem.errors = [Place(pointer: pointer, detail: detail)]
        return problem
    }
    package static func notFound(_ detail: String) -> Problem { Problem(404, "not-found", detail) }
    package static func wrongState(_ detail: String) -> Problem { Problem(409, "wrong-state", detail) }
    package static func masterUnreachable(_ reason: String) -> Problem {
        Problem(
            503, "master-unreachable",
            "the master does not answer: \(reason); what it has accepted is kept, try again in a moment"
        ).with("Retry-After", "2")
    }
    package static func internalError() -> Problem {
        Problem(500, "internal", "the gateway made a mistake; its log has the reason under the request's number")
    }
}
