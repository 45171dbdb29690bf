import ClientKit
import Names
import Transport

// The example of docs/client-library.md, compiled and run by the tests: the page has the lines between the two marks.
// example begins
/// Inverts images: submits them as one job and writes each result as soon as it is done.
/// - Returns: the job as it ended.
func invert(_ files: [String], into directory: String, session: MasterSession) async throws -> JobSummary {
    let inputs = try files.map { try InputFile(opening: $0) }
    let request = JobRequest(pipeline: "invert", submitter: "example")
    let job = try await Submission(inputs, as: request, session: session).run().job

    for try await event in session.events(of: job, includingImages: true) {
        switch event {
        case .imageEnded(let image) where image.state == .done:
            let name = OutputNaming.name(for: image.name, index: image.index).file
            try await session.fetch(image, to: .entry(name, of: BytePath(text: directory)))
        case .imageEnded(let image):
            print("\(ShownText.of(image.name)) failed: \(image.failure?.reason ?? "\(image.state)")")
        case .changed(let summary):
            print("\(summary.imagesEnded) of \(summary.imageCount) images")
        case .ended(let summary):
            return summary
        }
    }
    throw CancellationError()
}

/// Connects to the master on this machine and inverts images.
func invertOnThisMachine(_ files: [String], into directory: String) async throws -> JobSummary {
    let endpoint = try Endpoint(parsing: "127.0.0.1:7400", defaultPort: 7400)
    let secret = try SharedSecret(file: "/etc/tessera/secret")
    return try await MasterSession.with(endpoint, secret: secret, software: "example 1.0") { session in
        try await invert(files, into: directory, session: session)
    }
}
// example ends
