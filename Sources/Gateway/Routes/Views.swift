import ClientKit
import GatewayLogic
import GatewayStore
import JobModel
import JSONText
import Pipelines
import Synchronization

/// Jobs and images as the API shows them: the command line's JSON, with links and with what only the gateway knows.
final class JobViews: Sendable {
    private let store: WebStore
    /// The speed of jobs that are running, by their summaries of late.
    private let estimators = Mutex<[JobID: ProgressEstimator]>([:])
    /// The uploads of jobs that take no more.
    private let settled = Mutex<[UInt64: (job: FedJob, uploads: UploadTotals)?]>([:])
    private let start = ContinuousClock.now

    init(store: WebStore) { self.store = store }

    /// What is known of the uploads of jobs; jobs of other clients are not among them.
    private func uploads(of summaries: [JobSummary]) async throws -> [UInt64: (job: FedJob, uploads: UploadTotals)] {
        var found: [UInt64: (job: FedJob, uploads: UploadTotals)] = [:]
        var unknown: [UInt64] = []
        settled.withLock { settled in
            for summary in summaries {
                let job = summary.id.rawValue
                if let known = settled[job] { found[job] = known } else { unknown.append(job) }
            }
        }
        guard !unknown.isEmpty else { return found }
        let (store, asked) = (store, unknown)
        let read = try await offCooperativePool { try store.totals(of: asked) }
        settled.withLock { settled in
            if settled.count > 10_000 { settled = [:] }
            for summary in summaries where found[summary.id.rawValue] == nil {
                let (job, fed) = (summary.id.rawValue, read[summary.id.rawValue])
                found[job] = fed
                // Nothing is added to a sealed job, so this stays as it is.
                if summary.isSealed, fed?.job.phase != .open { settled[job] = .some(fed) }
            }
        }
        return found
    }

    func json(_ summary: JobSummary) async throws -> JSON { try await json([summary])[0] }

    func json(_ summaries: [JobSummary]) async throws -> [JSON] {
        let fed = try await uploads(of: summaries)
        return summaries.map { json($0, fed[$0.id.rawValue]) }
    }

    private func json(_ summary: JobSummary, _ fed: (job: FedJob, uploads: UploadTotals)?) -> JSON {
        let estimate = estimate(summary)
        let path = "/api/v1/jobs/\(summary.id.rawValue)"
        return summary.json.with([
            "throughput": estimate.pixelsPerSecond.map { .number($0.rounded()) },
            "eta_ms": estimate.remaining.map { .integer(Int($0 / .milliseconds(1))) },
            "uploads": fed.map { $0.uploads.json(seals: $0.job.sealsWhenComplete) },
            "links": [
                "self": .string(path), "images": .string(path + "/images"),
                "uploads": fed == nil ? nil : .string(path + "/uploads"),
                "results_zip": summary.imagesDone > 0 ? .string(path + "/results.zip") : nil,
            ],
        ])
    }

    private func estimate(_ summary: JobSummary) -> (pixelsPerSecond: Double?, remaining: Duration?) {
        estimators.withLock { estimators in
            guard !summary.isFinal else {
                estimators[summary.id] = nil
                return (nil, nil)
            }
            // Jobs that nobody asks for any more do not stay here.
            if estimators.count > 1000 { estimators = [:] }
            var progress = JobProgress()
            progress.update(with: summary)
            estimators[summary.id, default: ProgressEstimator()].record(progress, at: .now - start)
            let estimator = estimators[summary.id]
            let isKnown = progress.fraction >= 0.05 && summary.isSealed
            return (estimator?.pixelsPerSecond, isKnown ? estimator?.remaining : nil)
        }
    }

    /// - Parameter kind: what the job's results are.
    func json(_ image: ImageStatus, of job: JobID, _ kind: ResultKind) async throws -> JSON {
        let (store, index) = (store, image.index)
        let kept = try await offCooperativePool { try store.keptSources(of: job.rawValue, in: index...index) }
        return Self.json(image, of: job, kind, isSourceKept: !kept.isEmpty)
    }

    func json(_ images: [ImageStatus], of job: JobID, _ kind: ResultKind) async throws -> [JSON] {
        guard let first = images.first, let last = images.last else { return [] }
        let (store, range) = (store, first.index...max(first.index, last.index))
        let kept = try await offCooperativePool { try store.keptSources(of: job.rawValue, in: range) }
        return images.map { Self.json($0, of: job, kind, isSourceKept: kept.contains($0.index)) }
    }

    private static func json(
        _ image: ImageStatus, of job: JobID, _ kind: ResultKind, isSourceKept: Bool
    ) -> JSON {
        let path = "/api/v1/jobs/\(job)/images/\(image.index)"
        let result = image.state == .done ? image.result : nil
        let hasPicture = result != nil && !kind.isDocument
        return image.json(job: job).with([
            "result_kind": .string(kind.isDocument ? "document" : "image"),
            "digest": result.map { .string($0.digest.description) }, "source_kept": .bool(isSourceKept),
            "links": [
                "self": .string(path), "result": result == nil ? nil : .string(path + "/result"),
                "source": isSourceKept ? .string(path + "/source") : nil,
                "thumbnail": hasPicture ? .string(path + "/thumbnail") : nil,
                "source_thumbnail": isSourceKept ? .string(path + "/thumbnail?of=source") : nil,
                "attempts": image.state == .deadLettered ? .string(path + "/attempts") : nil,
            ],
        ])
    }
}

extension UploadTotals {
    fileprivate func json(seals: Bool) -> JSON {
        [
            "expected": .integer(expected), "received": .integer(received), "added": .integer(added),
            "rejected": .integer(rejected), "bytes_expected": .integer(bytesExpected),
            "bytes_received": .integer(bytesReceived), "seal": .string(seals ? "when-complete" : "never"),
        ]
    }
}

extension UploadRecord {
    /// - Parameter place: the job that it is promised to, and its position there.
    func json(place: (job: UInt64, position: UInt32?)?, age: UInt64) -> JSON {
        var rejection: JSON?
        if case .rejected(let code, let detail) = phase {
            rejection = ["code": .string(code), "detail": .string(detail)]
        }
        return [
            "upload": .string(id), "url": .string("/api/v1/uploads/\(id)"), "name": .string(name),
            "offset": .integer(offset), "size": byteCount.map { .integer($0) }, "complete": .bool(file != nil),
            "state": .string(phase.name), "digest": file.map { .string($0.digest) },
            "width": file.map { .integer($0.width) }, "height": file.map { .integer($0.height) },
            "format": file.map { .string($0.format) }, "rejection": rejection, "job": place.map { .integer($0.job) },
            "image": place?.position.map { .integer($0) }, "fingerprint": fingerprint.map { .string($0) },
            "expires_at": .integer(touchedAt + age),
        ]
    }
}

/// The cluster as the API shows it.
enum ClusterView {
    static func json(_ link: MasterLink, _ gateway: JSON) -> JSON {
        let known = link.known
        return [
            "reachable": .bool(known.isReachable),
            "last_heard_milliseconds": known.heardAgo.map { .integer(Int($0 / .milliseconds(1))) },
            "reason": known.isReachable ? nil : .string(known.reason), "master": known.status?.json, "gateway": gateway,
        ]
    }
}
