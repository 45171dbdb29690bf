import JobModel
import Metrics
import SystemCalls

/// What a daemon shows of itself to those who watch it. Answered at any time, from any thread, and without waiting for the
/// daemon's work: what is asked for often must not slow down what is asked about.
package protocol MetricsSource: Sendable {
    /// The daemon's own metrics, besides those of its process.
    var metrics: [MetricFamily] { get }
    /// Whether the daemon makes progress. One that does not is to be restarted.
    var health: Health { get }
    /// Whether the daemon does what it is for. One that does not is to be left alone for now.
    var readiness: Health { get }
}

/// The answer to "are you well?".
package enum Health: Sendable, Equatable {
    case good
    /// In words for an operator.
    case bad(String)
}

extension MetricsSource {
    /// Everything that `/metrics` shows.
    var families: [MetricFamily] {
        let usage = ThisProcess.usage
        let process: [MetricFamily] = [
            .info(
                "tessera_build_info", "This program: its release, and the revision of the results that it computes.",
                [.init("version", Release.version), .init("revision", "\(JobOptions.currentResultRevision)")]),
            .gauge(
                "tessera_ready", "Whether /readyz says that the program is ready: 1 or 0.", readiness == .good ? 1 : 0),
            .number(
                "process_cpu_seconds_total", .counter, "Processor time of all threads, user and system.",
                usage.processorSeconds),
            .gauge("process_resident_memory_bytes", "Physical memory of the process.", usage.residentByteCount),
            .gauge("process_open_fds", "Files and connections that are open.", UInt64(usage.openFileCount)),
            .gauge("process_max_fds", "Files and connections that may be open.", usage.openFileLimit),
            .number(
                "process_start_time_seconds", .gauge, "When the process began, since 1970-01-01 00:00 UTC.",
                ThisProcess.startSecondsSince1970),
        ]
        return process + metrics
    }

    /// The answer to a request.
    func answer(_ request: ScrapeRequest) -> ScrapeAnswer {
        switch request.path {
        case "/metrics":
            ScrapeAnswer(status: 200, contentType: MetricsText.contentType, body: MetricsText(families).text)
        case "/healthz": ScrapeAnswer(health)
        case "/readyz": ScrapeAnswer(readiness)
        default: ScrapeAnswer(status: 404, body: "there are /metrics, /healthz and /readyz\n")
        }
    }
}

extension ScrapeAnswer {
    fileprivate init(_ health: Health) {
        switch health {
        case .good: self.init(status: 200, body: "ok\n")
        case .bad(let reason): self.init(status: 503, body: reason + "\n")
        }
    }
}
